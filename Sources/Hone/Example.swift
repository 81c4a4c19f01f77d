import HoneTrace

/// One row of data: a stable id and its fields.
public struct Example: Hashable, Codable, Sendable {
  /// Unique over all splits.
  public var id: String
  public var fields: Value

  public init(id: String, fields: Value) {
    self.id = id
    self.fields = fields
  }
}

/// Data in three parts: see `Split`.
public struct DataSplits: Hashable, Codable, Sendable {
  public var train: [Example]
  public var validation: [Example]
  public var test: [Example]

  public init(train: [Example] = [], validation: [Example] = [], test: [Example] = []) {
    self.train = train
    self.validation = validation
    self.test = test
  }
}
