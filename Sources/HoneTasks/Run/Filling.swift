import HoneTrace

/// Puts fields and parameters' values into templates; prompts among the parameters are filled in turn.
struct Filling: Sendable {
  let space: Space

  func text(_ template: Template, _ fields: Value, _ assignment: Assignment) -> String {
    template.fill(
      field: { fields[$0]?.text ?? "" },
      parameter: { name in
        let text = value(.parameter(name), assignment).text
        let names = placeholders(of: name)
        guard !names.isEmpty else { return text }
        let values = names.map { ($0, fields[$0]?.text ?? "") }
        return Prompt(text)(Dictionary(values, uniquingKeysWith: { first, _ in first }))
      })
  }

  /// Fields that the templates are made of, in the order they first stand.
  func fields(of templates: [Template]) -> [String] {
    templates.flatMap { template in template.fields + template.parameters.flatMap { placeholders(of: $0) } }.unique
  }

  /// Fields that a text parameter may hold as placeholders.
  func placeholders(of parameter: String) -> [String] {
    guard case .text(let domain)? = space[parameter]?.domain else { return [] }
    return domain.placeholders + (domain.optionalPlaceholders ?? [])
  }

  func value(_ setting: Setting, _ assignment: Assignment) -> Value {
    switch setting {
    case .value(let value): value
    // An inactive parameter counts as untuned.
    case .parameter(let name): assignment[name] ?? space[name]?.initial ?? .null
    }
  }
}
