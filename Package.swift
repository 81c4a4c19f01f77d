// swift-tools-version: 6.2
import PackageDescription

/// Every room is built in Swift 6 mode with warnings as errors.
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, resources: [.copy("Fixtures")], swiftSettings: strict)
}

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")

let package = Package(
  name: "hone",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Hone", targets: ["Hone"]),
    .library(name: "HoneRetrieval", targets: ["HoneRetrieval"]),
    .library(name: "HoneTesting", targets: ["HoneTesting"]),
    .library(name: "HoneSwiftTesting", targets: ["HoneSwiftTesting"]),
    .executable(name: "hone", targets: ["hone-cli"]),
  ],
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
  ],
  targets: [
    // The house, one room a target; each may import only what stands above it.
    // libcurl's headers, and libcurl itself loaded when it is first needed.
    .target(name: "CCurl", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    room("HoneNumerics", []),
    room("HoneRetrieval", []),
    room("HoneTrace", ["HoneNumerics"]),
    room("HoneModel", ["CCurl", "HoneTrace", "HoneNumerics", crypto, log]),
    .target(
      name: "HonePrompts", path: "prompts",
      resources: [
        .embedInCode("alphaopt"), .embedInCode("evoprompt"), .embedInCode("forest"), .embedInCode("gepa"),
        .embedInCode("llambo"), .embedInCode("mipro"), .embedInCode("opro"), .embedInCode("optoprime"),
        .embedInCode("textgrad"),
      ],
      swiftSettings: strict),
    room("HoneOptimize", ["HoneNumerics", "HoneTrace", "HoneModel", "HonePrompts"]),
    room(
      "HoneStore",
      [
        "HoneTrace", "HoneModel", "HoneOptimize", crypto, .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ]),
    room("Hone", ["HoneNumerics", "HoneTrace", "HoneModel", "HoneOptimize", "HoneStore", crypto, log]),
    room(
      "HoneTasks",
      [
        "Hone", "HoneRetrieval", crypto, .product(name: "Yams", package: "Yams"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
    room("HoneTesting", ["Hone"]),
    .executableTarget(
      name: "hone-cli",
      dependencies: ["Hone", "HoneTasks", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      swiftSettings: strict),
    // Apart from HoneTesting, so that only test bundles load Swift Testing.
    room("HoneSwiftTesting", ["Hone"]),
    // Examples and benchmarks are ordinary programs on the public API.
    .executableTarget(
      name: "Answering", dependencies: ["Hone"], path: "Examples/Answering", swiftSettings: strict),
    .executableTarget(
      name: "RAG", dependencies: ["Hone", "HoneRetrieval"], path: "Examples/RAG", swiftSettings: strict),
    .executableTarget(
      name: "hone-bench", dependencies: ["Hone", "HoneTasks", "HoneTesting"], path: "Benchmarks/Suites",
      swiftSettings: strict),
    // A process that the store's tests start many times and kill.
    .executableTarget(
      name: "store-worker", dependencies: ["HoneStore", "CFaults"], path: "Tests/Support/StoreWorker",
      swiftSettings: strict),
    // Lets that process's disk fail.
    .target(name: "CFaults", path: "Tests/Support/CFaults"),
    // Tests mirror the rooms.
    tests("HoneNumericsTests", ["HoneNumerics"]),
    tests("HoneRetrievalTests", ["HoneRetrieval", "HoneNumerics"]),
    tests("HoneTraceTests", ["HoneTrace", "HoneNumerics"]),
    tests("HoneModelTests", ["HoneModel", "HoneTesting"]),
    tests("HoneOptimizeTests", ["HoneOptimize", "HoneTesting"]),
    tests(
      "HoneStoreTests",
      ["HoneStore", "HoneTesting", "HoneNumerics", "store-worker", .product(name: "GRDB", package: "GRDB.swift")]),
    tests("HoneTests", ["Hone", "HoneNumerics", "HoneTesting", "HoneSwiftTesting"]),
    tests("HoneTasksTests", ["HoneTasks", "HoneTesting"]),
    tests("ExampleTests", ["RAG", "HoneNumerics", "HoneRetrieval", "HoneTesting"]),
    tests(
      "CommandTests",
      [
        "hone-cli", "RAG", "HoneTasks", "HoneTesting",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
