import HoneStore
import HoneTesting
import Testing

@Suite("Both stores conform") struct ConformanceTests {
  @Test(arguments: StoreConformance.checks)
  func memory(_ check: StoreConformance.Check) async throws { try await check.run(MemoryStore()) }

  @Test(arguments: StoreConformance.checks)
  func sqlite(_ check: StoreConformance.Check) async throws {
    let folder = try TemporaryFolder()
    let store = try await SQLiteStore(path: folder.file("study.db"))
    try await check.run(store)
    #expect(try await store.check() == [])
  }
}
