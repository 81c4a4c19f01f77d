extension TaskTemplate {
  /// A prompt that sorts support messages, tuned on 30 rows.
  static var promptFiles: [TemplateFile] {
    [
      TemplateFile(path: taskName, purpose: "what is tuned, and how it is scored", text: promptTask),
      TemplateFile(
        path: "data/train.jsonl", purpose: "rows proposers learn from",
        text: rows("text", "label", prefix: "t", Array(supportRows[..<9]))),
      TemplateFile(
        path: "data/validation.jsonl", purpose: "rows that trials are compared on",
        text: rows("text", "label", prefix: "v", Array(supportRows[9..<21]))),
      TemplateFile(
        path: "data/test.jsonl", purpose: "rows that are kept for the final report",
        text: rows("text", "label", prefix: "s", Array(supportRows[21...]))),
    ]
  }

  private static let promptTask = """
    # Tunes a prompt that sorts support messages. Needs a model: change endpoint and name, or set OPENAI_BASE_URL,
    # OPENAI_API_KEY and HONE_MODEL.
    version: 1
    study: support
    goal:
      maximize: accuracy
      purpose: Sort a support message into bug, billing or praise, and reply with that word alone.

    model:
      endpoint: http://127.0.0.1:8080/v1
      name: local-model
      key: { env: OPENAI_API_KEY }        # a variable's name, never the key itself

    data:
      train: data/train.jsonl             # {"id": "t1", "text": "...", "label": "bug"}
      validation: data/validation.jsonl
      test: data/test.jsonl               # read once, for the final report

    workflow:
      prompt:
        system: $instruction              # $name is a parameter
        user: "{text}"                    # {name} is a field of the row
        temperature: $temperature
        max_tokens: 8

    parameters:
      instruction:
        prompt: Classify this message.
        description: What the model is told before it reads the message.
        max_length: 1000
      temperature: { float: [0.0, 1.0], step: 0.1, initial: 0.7 }

    score:
      exact_match: { output: label, ignore_case: true, strip_punctuation: true }
      feedback: "Expected {label}, got {output}."

    optimizer:
      use: joint                          # the model rewrites the text, search sets the numbers
      minibatch: 6
      seed: 7

    budget: { trials: 12, requests: 400, tokens: 200000, time: 30m, parallel: 2 }

    """

  private static let supportRows = [
    ("The export button does nothing since the update.", "bug"),
    ("I was charged twice this month.", "billing"),
    ("Best tool I have used in years, thank you.", "praise"),
    ("The page stays white after I log in.", "bug"),
    ("Please send the invoice to our new address.", "billing"),
    ("Your support team was wonderful yesterday.", "praise"),
    ("Search finds nothing although the file is there.", "bug"),
    ("Why did my plan get more expensive?", "billing"),
    ("I love the new dark theme.", "praise"),
    ("Uploading a photo ends with error 500.", "bug"),
    ("My card was declined but the money is gone.", "billing"),
    ("This saved our team a whole week.", "praise"),
    ("The app crashes when I rotate the phone.", "bug"),
    ("Can I get a refund for the unused months?", "billing"),
    ("Just wanted to say that the tutorial is great.", "praise"),
    ("Dates are off by one day in the calendar.", "bug"),
    ("The receipt shows the wrong tax number.", "billing"),
    ("Keep up the good work!", "praise"),
    ("Notifications arrive three times.", "bug"),
    ("How do I change the credit card on file?", "billing"),
    ("A joy to use from the first minute.", "praise"),
    ("Copying a table loses the last column.", "bug"),
    ("I cancelled, yet a new payment was taken.", "billing"),
    ("My students are delighted with it.", "praise"),
    ("The print preview shows empty pages.", "bug"),
    ("We need a quote for twenty seats.", "billing"),
    ("Five stars, nothing to add.", "praise"),
    ("After syncing, half of my notes are missing.", "bug"),
    ("The discount code was not applied to my order.", "billing"),
    ("You made my day.", "praise"),
  ]
}
