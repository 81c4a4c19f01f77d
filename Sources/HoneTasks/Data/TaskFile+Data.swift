import Foundation
import Hone
import HoneNumerics
import HoneOptimize
import HoneTrace

extension TaskFile {
  /// Reads the data files and makes examples of their rows.
  ///
  /// Each row has an id: the field that `data.id` names, else `id`, else the first 12 hexadecimal digits of the SHA-256 of
  /// its canonical JSON. Rows of a command that takes `{batch.jsonl}` are grouped; each group is then an example. A command
  /// that needs no data gets one validation example without fields.
  /// - Throws: everything that is wrong, with file and line; fields that the task file uses and a row lacks.
  public func loadData() throws(DataError) -> DataSplits {
    guard let data else {
      try checkDocuments()
      return DataSplits(train: [], validation: [Example(id: "run", fields: .object([:]))], test: [])
    }
    var problems: [Diagnostic] = []
    var kind = TaskFileError.Kind.invalid
    var ids: [String: String] = [:]
    func rows(_ path: String?) -> [Example] {
      guard let path else { return [] }
      do throws(DataError) {
        let rows = try Dataset.read(path)
        return examples(rows, path, data, &ids, &problems)
      } catch {
        if problems.isEmpty { kind = error.kind }
        problems += error.diagnostics
        return []
      }
    }
    var splits = DataSplits(train: rows(data.train), validation: rows(data.validation), test: rows(data.test))
    guard problems.isEmpty else { throw DataError(kind: kind, diagnostics: problems) }
    try checkFields(splits)
    try checkDocuments()
    if let split = data.split { splits = Self.split(splits.train, split) }
    try checkFits(splits)
    guard !splits.validation.isEmpty else {
      throw DataError(
        kind: .invalid,
        diagnostics: [
          Diagnostic(
            "too few rows to split: validation would be empty", file: data.train ?? path, line: 0, column: 0,
            hint: "add rows, or give validation a larger share under data.split")
        ])
    }
    guard let batch else { return splits }
    return DataSplits(
      train: Self.batches(splits.train, batch), validation: Self.batches(splits.validation, batch),
      test: Self.batches(splits.test, batch))
  }

  /// Rows in one example; nil when an example is a row.
  var batch: Int? { if case .command(let command) = workflow { command.batch } else { nil } }

  private func examples(
    _ rows: [Row], _ path: String, _ data: DataSpec, _ ids: inout [String: String], _ problems: inout [Diagnostic]
  ) -> [Example] {
    var examples: [Example] = []
    for row in rows {
      var fields = row.fields
      var isWhole = true
      for (name, source) in data.fields.sorted(by: { $0.key < $1.key }) {
        guard let value = row.fields[source] else {
          isWhole = false
          problems.append(missing(source, in: row, path))
          continue
        }
        fields[name] = value
      }
      guard isWhole, let id = id(of: row, path, data, &problems) else { continue }
      let place = "\((path as NSString).lastPathComponent):\(row.line)"
      if let earlier = ids[id] {
        problems.append(
          Diagnostic(
            "the id \(quoted(id)) stands twice; it is first in \(earlier)", file: path, line: row.line, column: 1,
            hint: "remove the row or give it another id; equal rows in two splits would make the report dishonest"))
      } else {
        ids[id] = place
        examples.append(Example(id: id, fields: .object(fields)))
      }
    }
    return examples
  }

  private func missing(_ name: String, in row: Row, _ path: String) -> Diagnostic {
    let names = row.fields.keys.sorted()
    let near = Nearest.name(to: name, among: names).map { "did you mean \($0)?" }
    return Diagnostic(
      "the row has no field \(quoted(name))", file: path, line: row.line, column: 1,
      hint: near ?? "its fields are \(names.joined(separator: ", "))")
  }

  private func id(of row: Row, _ path: String, _ data: DataSpec, _ problems: inout [Diagnostic]) -> String? {
    if let value = row.fields[data.id ?? "id"] {
      let text = value.text
      if !text.isEmpty, text.count <= 200, value.array == nil, value.object == nil { return text }
      problems.append(
        Diagnostic(
          "the id \(quoted(text)) is no text of 1 to 200 characters", file: path, line: row.line, column: 1,
          hint: "give the row a short id, or name another column under data.id"))
      return nil
    }
    if let name = data.id {
      problems.append(missing(name, in: row, path))
      return nil
    }
    return String(sha256(Value.object(row.fields).canonicalJSON).prefix(12))
  }

  /// Every `{field}` of the task file must be in every row.
  private func checkFields(_ splits: DataSplits) throws(DataError) {
    var problems: [Diagnostic] = []
    let rows = splits.train + splits.validation + splits.test
    for use in fieldUses {
      guard let example = rows.first(where: { $0.fields[use.name] == nil }) else { continue }
      var diagnostic = use.diagnostic
      let names = (example.fields.object ?? [:]).keys.sorted()
      diagnostic.hint =
        Nearest.name(to: use.name, among: names + use.steps).map { "did you mean \($0)?" }
        ?? "row \(quoted(example.id)) has \(names.joined(separator: ", "))"
      problems.append(diagnostic)
    }
    for step in stepNames where rows.contains(where: { $0.fields[step.name] != nil }) {
      problems.append(step.diagnostic)
    }
    if !problems.isEmpty { throw DataError(kind: .invalid, diagnostics: problems) }
  }

  /// A fit needs rows to be fitted to; what is wrong with one row is told before anything is run.
  private func checkFits(_ splits: DataSplits) throws(DataError) {
    var needsLoss = false
    if case .outcome(let name) = score.metric { needsLoss = ["log_loss", "cost"].contains(name) }
    for (spec, use) in zip(workflow.fits, fitUses) {
      let settings = FitSettings(spec, Filling(space: space), space.initial)
      let maker = FitMaker(
        spec: spec, settings: settings, rows: splits.train, start: [:])
      do throws(FitError) {
        try maker.check(splits.validation + splits.test, candidates: spec.inputs(space), needsLoss: needsLoss)
      } catch {
        var diagnostic = use
        diagnostic.message += ": \(error.message)"
        throw DataError(kind: .invalid, diagnostics: [diagnostic])
      }
    }
  }

  /// Reads what retrievals search. Their place in the task file is told where a file is not there.
  private func checkDocuments() throws(DataError) {
    for use in documentUses {
      do throws(DataError) {
        _ = try Documents.read(use.path, field: use.field)
      } catch {
        guard error.kind == .invalid else {
          var diagnostic = use.file
          diagnostic.message += ": \(use.path) \(error.diagnostics.first?.message ?? "cannot be read")"
          diagnostic.hint = "check the path; it starts at the task file's folder"
          throw DataError(kind: error.kind, diagnostics: [diagnostic])
        }
        throw error
      }
    }
  }

  /// Cuts one list in three after shuffling it with the split's seed; the parts keep the file's order.
  private static func split(_ examples: [Example], _ split: DataSpec.SplitSpec) -> DataSplits {
    var stream = RandomStream(seed: split.seed, name: "data/split")
    let order = Array(examples.indices).shuffled(using: &stream)
    let validation = Int((Double(examples.count) * split.validation).rounded())
    let test = min(examples.count - validation, Int((Double(examples.count) * split.test).rounded()))
    func part(_ range: Range<Int>) -> [Example] { order[range].sorted().map { examples[$0] } }
    return DataSplits(
      train: part((validation + test)..<examples.count), validation: part(0..<validation),
      test: part(validation..<(validation + test)))
  }

  /// Groups of `size` rows, the last one perhaps smaller; an id is the first row's with the count.
  private static func batches(_ examples: [Example], _ size: Int) -> [Example] {
    stride(from: 0, to: examples.count, by: size).map { start in
      let rows = examples[start..<min(start + size, examples.count)]
      return Example(id: "\(rows[start].id)+\(rows.count)", fields: ["rows": .array(rows.map(\.fields))])
    }
  }
}
