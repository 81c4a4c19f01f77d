import Foundation
import HoneTrace

/// The suites by name; each gives its figures.
let suites: [(name: String, run: () async throws -> [Figure])] = [
  ("trace", TraceSuite.run),
  ("store", StoreSuite.run),
  ("model", ModelSuite.run),
  ("command", CommandSuite.run),
  ("search", SearchSuite.run),
  ("rag", RagSuite.run),
  ("fidelity", FidelitySuite.run),
  ("mixed", MixedSuite.run),
  ("proposers", ProposerSuite.run),
  ("worlds", { try await WorldSuite.run(Array(CommandLine.arguments.dropFirst(2))) }),
  ("live", LiveSuite.run),
  ("bilevel", BilevelSuite.run),
]

if CommandLine.arguments.dropFirst().first == "model-server" {
  try ServerProcess.serve()
  exit(0)
}

if CommandLine.arguments.dropFirst().first == "world-server" {
  try WorldServer.serve()
  exit(0)
}

let names = suites.map(\.name).joined(separator: "|")
guard let wanted = CommandLine.arguments.dropFirst().first, let suite = suites.first(where: { $0.name == wanted })
else {
  FileHandle.standardError.write(Data("usage: hone-bench \(names)\n".utf8))
  exit(64)
}
do {
  let figures = try await suite.run()
  let report: Value = .object([
    "suite": .string(suite.name), "machine": .string(Machine.description),
    "figures": .array(figures.map(\.asValue)),
  ])
  print(report.canonicalJSON)
} catch {
  FileHandle.standardError.write(Data("hone-bench \(suite.name): \(error)\n".utf8))
  exit(1)
}
