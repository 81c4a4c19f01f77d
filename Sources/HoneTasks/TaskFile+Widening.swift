import HoneTrace

extension TaskFile {
  /// The task as a study goes on with it that was begun in `old`: where the file says no `initial`, a number or a choice
  /// starts where it did, as long as its domain still holds that. Else a range that grew would move its middle, and with it
  /// the start that all trials are compared with.
  public func keepingStarts(of old: Space) -> TaskFile {
    var task = self
    for index in space.parameters.indices {
      let parameter = space.parameters[index]
      guard canonical["parameters"]?[parameter.name]?["initial"] == nil, let start = old[parameter.name]?.initial,
        let kept = try? parameter.domain.accept(start)
      else { continue }
      switch parameter.domain {
      case .float, .int, .categorical, .ordinal: task.space.parameters[index].initial = kept
      // Its own key is the start.
      case .bool, .text, .code: continue
      }
    }
    return task
  }
}
