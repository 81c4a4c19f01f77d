import HoneStore

enum Database { static func open(_ path: String) async throws -> any Store { throw StoreError(.io, "x") } }
