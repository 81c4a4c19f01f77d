import HoneTrace

extension TaskReader {
  mutating func data(_ node: YAMLNode?) -> DataSpec? {
    guard let node else { return nil }
    let keys = ["train", "validation", "test", "fields", "id", "split"]
    guard let members = members(node, of: "data", keys: keys) else { return nil }
    var data = DataSpec(
      train: path(members["train"], "data.train"), validation: path(members["validation"], "data.validation"),
      test: path(members["test"], "data.test"), fields: fields(members["fields"]) ?? [:],
      id: name(members["id"], "data.id"), split: split(members["split"]))
    if members["train"] == nil {
      fail(
        "data: needs train", at: node,
        hint: members["validation"] == nil
          ? "name a file of rows: train: data.jsonl; named alone, it is split for you"
          : "to split this one file, name it as train and leave validation out; or name another file as train")
    } else if members["validation"] != nil, let split = members["split"] {
      fail("data.split: only a single train file is split", at: split, hint: "remove split, or validation and test")
    } else if members["validation"] == nil, members["test"] != nil, members["split"] == nil {
      fail(
        "data: needs validation", at: node,
        hint: "name a file, or leave test out as well: train alone is split in three")
    }
    let files = [("train", data.train), ("validation", data.validation), ("test", data.test)]
    for (index, (name, file)) in files.enumerated() {
      guard let file, let earlier = files[..<index].first(where: { $0.1 == file }), let at = members[name] else {
        continue
      }
      fail(
        "data.\(name): the same file as data.\(earlier.0)", at: at,
        hint: "rows that a trial was chosen by cannot show that it is good; name train alone to split one file")
    }
    if data.validation == nil, data.split == nil {
      data.split = DataSpec.SplitSpec(train: 0.4, validation: 0.3, test: 0.3, seed: 0)
    }
    return data
  }

  private mutating func fields(_ node: YAMLNode?) -> [String: String]? {
    guard let node else { return nil }
    guard let pairs = node.pairs else {
      fail(
        "data.fields: expected a mapping, found \(node.found)", at: node, hint: "such as { text: body, label: class }")
      return nil
    }
    var fields: [String: String] = [:]
    for (key, value) in pairs {
      guard let name = key.scalar, let source = self.name(value, "data.fields.\(name)") else { continue }
      fields[name] = source
    }
    return fields
  }

  private mutating func split(_ node: YAMLNode?) -> DataSpec.SplitSpec? {
    guard let node, let members = members(node, of: "data.split", keys: ["train", "validation", "test", "seed"]) else {
      return nil
    }
    let train = double(members["train"], "data.split.train", in: 0...1)
    let validation = double(members["validation"], "data.split.validation", in: 0...1)
    let test = double(members["test"], "data.split.test", in: 0...1)
    let seed = int(members["seed"], "data.split.seed") ?? 0
    guard let train, let validation, let test else {
      if ["train", "validation", "test"].contains(where: { members[$0] == nil }) {
        fail(
          "data.split: needs train, validation and test", at: node,
          hint: "such as { train: 0.4, validation: 0.3, test: 0.3 }")
      }
      return nil
    }
    guard abs(train + validation + test - 1) < 1e-9 else {
      fail("data.split: the shares sum to \(number(train + validation + test)), not to 1", at: node)
      return nil
    }
    guard validation > 0 else {
      fail("data.split: validation needs a share, trials are compared on it", at: node)
      return nil
    }
    return DataSpec.SplitSpec(train: train, validation: validation, test: test, seed: UInt64(seed))
  }
}
