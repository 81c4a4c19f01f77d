import Foundation
import Testing

@testable import HoneTasks

/// Each file of `Fixtures/wrong` holds mistakes people make; the text beside it is exactly what they are told.
///
/// `HONE_UPDATE=1 swift test --filter WrongFileTests` writes the texts anew, to be read before they are committed.
struct WrongFileTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/wrong")

  static let names: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
  }()

  @Test func thereAreManyOfThem() { #expect(Self.names.count >= 60) }

  @Test(arguments: names)
  func theMessageIsExactlyThis(_ name: String) throws {
    let bytes = try Data(contentsOf: Self.folder.appending(path: "\(name).yaml"))
    let error = #expect(throws: TaskFileError.self) {
      try TaskFile.parse([UInt8](bytes), path: "task.yaml", directory: "/nowhere")
    }
    let said = (error?.description ?? "nothing is wrong") + "\n"
    let golden = Self.folder.appending(path: "\(name).txt")
    if ProcessInfo.processInfo.environment["HONE_UPDATE"] == "1" {
      try said.write(to: golden, atomically: true, encoding: .utf8)
    }
    #expect(said == (try String(contentsOf: golden, encoding: .utf8)))
  }

  /// Y2: every message has its place, and a hint or an expectation.
  @Test(arguments: names)
  func everyMessageSaysWhereAndWhat(_ name: String) throws {
    let text = try String(contentsOf: Self.folder.appending(path: "\(name).txt"), encoding: .utf8)
    for line in text.split(separator: "\n") where line.hasPrefix("error:") {
      #expect(line.hasPrefix("error: task.yaml:"))
    }
    #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" && $0 != "\t" })
  }
}
