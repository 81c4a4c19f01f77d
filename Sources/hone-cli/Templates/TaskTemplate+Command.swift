extension TaskTemplate {
  /// A shell script with three numbers in it, tuned on 84 rows.
  static var commandFiles: [TemplateFile] {
    [
      TemplateFile(path: taskName, purpose: "what is tuned, and how it is scored", text: commandTask),
      TemplateFile(path: "urgency.sh", purpose: "the program that is tuned", text: commandProgram, isProgram: true),
      TemplateFile(
        path: "data/train.jsonl", purpose: "rows optimizers may learn from",
        text: rows("text", "label", prefix: "t", Array(urgencyRows[..<12]))),
      TemplateFile(
        path: "data/validation.jsonl", purpose: "rows that trials are compared on",
        text: rows("text", "label", prefix: "v", Array(urgencyRows[12..<42]))),
      TemplateFile(
        path: "data/test.jsonl", purpose: "rows that are kept for the final report",
        text: rows("text", "label", prefix: "s", Array(urgencyRows[42...]))),
    ]
  }

  private static let commandTask = """
    # Tunes the three numbers of urgency.sh, a script that tells urgent messages from others by their shouting.
    # Runs offline: hone tune task.yaml
    version: 1
    study: urgency
    goal:
      maximize: accuracy
      purpose: Tell urgent messages from normal ones.

    data:
      train: data/train.jsonl             # {"id": "t1", "text": "...", "label": "urgent"}
      validation: data/validation.jsonl
      test: data/test.jsonl               # read once, for the final report

    workflow:
      command: [sh, urgency.sh, $threshold, $capitals, $marks]    # no shell splits this; $name is a parameter
      stdin: "{text}"                                             # {name} is a field of the row
      directory: .
      timeout: 10s

    parameters:
      threshold: { float: [0.0, 3.0], step: 0.1, initial: 2.5, description: Messages that shout more are urgent. }
      capitals: { float: [0.0, 4.0], step: 0.5, initial: 0.0, description: Weight of the share of capital letters. }
      marks: { int: [0, 4], initial: 1, description: Weight of an exclamation mark. }

    score:
      exact_match: { output: label }
      feedback: "Expected {label}, got {output}."

    optimizer: { use: sobol, minibatch: 6, seed: 7 }

    budget: { trials: 20, time: 5m, parallel: 2 }

    """

  private static let commandProgram = """
    #!/bin/sh
    # Reads a message on standard input and prints urgent or normal.
    # usage: urgency.sh THRESHOLD CAPITALS MARKS
    exec awk -v threshold="$1" -v capitals="$2" -v marks="$3" '
      { text = text $0 }
      END {
        letters = length(text) > 0 ? length(text) : 1
        shout = capitals * gsub(/[A-Z]/, "", text) / letters + marks * gsub(/!/, "", text)
        print (shout > threshold ? "urgent" : "normal")
      }'

    """
}
