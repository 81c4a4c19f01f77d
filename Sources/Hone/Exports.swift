// `import Hone` is all a workflow needs.
@_exported import HoneModel
@_exported import HoneOptimize
@_exported import HoneStore
@_exported import HoneTrace
