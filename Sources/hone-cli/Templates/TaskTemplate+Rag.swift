extension TaskTemplate {
  /// A retrieval pipeline in Python's standard library, tuned on 24 questions about a short text.
  static var ragFiles: [TemplateFile] {
    [
      TemplateFile(path: taskName, purpose: "what is tuned, and how it is scored", text: ragTask),
      TemplateFile(path: "rag.py", purpose: "the pipeline that is tuned (Python 3, no packages)", text: ragProgram),
      TemplateFile(path: "handbook.txt", purpose: "the text it answers from", text: ragText),
      TemplateFile(
        path: "data/train.jsonl", purpose: "questions optimizers may learn from",
        text: rows("question", "answer", prefix: "t", Array(ragRows[..<8]))),
      TemplateFile(
        path: "data/validation.jsonl", purpose: "questions that trials are compared on",
        text: rows("question", "answer", prefix: "v", Array(ragRows[8..<16]))),
      TemplateFile(
        path: "data/test.jsonl", purpose: "questions that are kept for the final report",
        text: rows("question", "answer", prefix: "s", Array(ragRows[16...]))),
    ]
  }

  private static let ragTask = """
    # Tunes chunk size, overlap, depth and ranking of a small retrieval pipeline. Runs offline: hone tune task.yaml
    version: 1
    study: handbook
    goal:
      maximize: found
      purpose: Find the passage that answers a question, in as few words as possible.

    data:
      train: data/train.jsonl             # {"id": "t1", "question": "...", "answer": "..."}
      validation: data/validation.jsonl
      test: data/test.jsonl               # read once, for the final report

    workflow:
      command: [python3, rag.py, --config, "{parameters.json}", --example, "{example.json}"]
      directory: .
      timeout: 30s
      trace: jsonl                        # rag.py writes its steps to the file in $HONE_TRACE

    parameters:
      chunk_words: { choice: [8, 16, 32, 64, 128], ordered: true, initial: 128 }
      overlap: { choice: [0.0, 0.25, 0.5], ordered: true, initial: 0.0 }
      top_k: { int: [1, 8], log: true, initial: 1 }
      ranking: { choice: [overlap, bm25], initial: overlap }
      k1: { float: [0.5, 2.5], step: 0.25, initial: 1.5, when: { ranking: bm25 } }

    score:
      json: found                         # the last line of standard output: {"found": 0.8, "words": 96}

    optimizer: { use: sobol, minibatch: 4, seed: 7 }

    budget: { trials: 24, time: 10m, parallel: 2 }

    """

  private static let ragProgram = """
    \"""Finds the passages of handbook.txt that answer a question, and scores them by the answer they contain.\"""
    import argparse, json, math, os, re

    def words(text):
        return re.findall(r"[a-z0-9]+", text.lower())

    def step(name, inputs, output):
        path = os.environ.get("HONE_TRACE")
        if path:
            with open(path, "a") as file:
                file.write(json.dumps({"step": name, "inputs": inputs, "output": output}) + "\\n")

    def chunks(text, size, overlap):
        tokens = text.split()
        stride = max(1, int(size * (1 - overlap)))
        return [" ".join(tokens[i:i + size]) for i in range(0, max(1, len(tokens) - int(size * overlap)), stride)]

    def rank(question, passages, config):
        bags = [words(p) for p in passages]
        mean = sum(map(len, bags)) / len(bags)
        def score(bag):
            total = 0.0
            for word in set(words(question)):
                seen = bag.count(word)
                if config["ranking"] == "overlap":
                    total += seen > 0
                elif seen:
                    holding = sum(word in other for other in bags)
                    k1 = config.get("k1", 1.5)
                    total += (math.log(1 + (len(bags) - holding + 0.5) / (holding + 0.5))
                              * seen * (k1 + 1) / (seen + k1 * (0.25 + 0.75 * len(bag) / mean)))
            return total
        order = sorted(range(len(passages)), key=lambda i: (-score(bags[i]), i))
        return [passages[i] for i in order[:config["top_k"]]]

    parser = argparse.ArgumentParser()
    parser.add_argument("--config")
    parser.add_argument("--example")
    arguments = parser.parse_args()
    config = json.load(open(arguments.config))
    example = json.load(open(arguments.example))
    passages = chunks(open("handbook.txt").read(), config["chunk_words"], config["overlap"])
    step("chunk", [], len(passages))
    found = rank(example["question"], passages, config)
    step("retrieve", [], found)
    length = sum(len(p.split()) for p in found)
    hit = any(example["answer"].lower() in p.lower() for p in found)
    print(json.dumps({"found": (1.0 if hit else 0.0) * min(1.0, 40 / length), "words": length}))

    """

  private static let ragText = """
    The workshop opens at seven in the morning and closes at half past five. On Fridays it closes at noon. Visitors sign
    the book at the gate and wear a yellow vest; staff wear blue. The first aid box hangs beside the paint store, and the
    nearest defibrillator is in the canteen. Fire drills take place on the first Monday of every quarter, and the meeting
    point is the car park behind hall three. Forklifts may drive at six kilometres an hour inside and twelve outside.
    Only people with a red card may drive them. The crane carries two tonnes and is inspected every March. Waste oil goes
    into the green drum, rags into the closed steel bin, and batteries to the counter in the store. The store hands out
    gloves, goggles and ear plugs free of charge; boots are paid back once a year up to ninety euros. Holidays are asked
    for in the calendar at least three weeks ahead. Sick notes go to Ms Okafor before nine. Overtime is paid from the
    fortieth hour on, at a rate of one hundred and twenty-five percent, or taken as time off within six months. Travel is
    booked by the office; trains are preferred for less than six hundred kilometres. The password of the guest network
    changes every Sunday and is printed at the reception. Printers stand on the first and third floor. Parcels are
    collected by the carrier at four. Suggestions go into the wooden box near the clock, and the best one of the year wins
    a weekend in Bergen. Apprentices rotate every ten weeks between turning, milling and assembly, and write a report of
    two pages after each. Tools are marked with a ring of orange tape and are counted on the last working day of a month.
    A lost key costs thirty-five euros. The canteen serves soup on Tuesdays and fish on Thursdays, and coffee all day.

    """

  private static let ragRows = [
    ("When does the workshop close on Fridays?", "noon"),
    ("What colour of vest do visitors wear?", "yellow"),
    ("Where is the nearest defibrillator?", "canteen"),
    ("How much does the crane carry?", "two tonnes"),
    ("Where do batteries go?", "counter in the store"),
    ("Who gets the sick notes?", "Okafor"),
    ("When is the password of the guest network changed?", "Sunday"),
    ("What does a lost key cost?", "thirty-five"),
    ("How fast may forklifts drive outside?", "twelve"),
    ("When do fire drills take place?", "first Monday"),
    ("When is the crane inspected?", "March"),
    ("Up to how much are boots paid back?", "ninety euros"),
    ("How far ahead are holidays asked for?", "three weeks"),
    ("When are parcels collected by the carrier?", "at four"),
    ("Which drum does waste oil go into?", "green drum"),
    ("What does the canteen serve on Thursdays?", "fish"),
    ("Which card lets people drive a forklift?", "red card"),
    ("Where is the meeting point for a fire drill?", "behind hall three"),
    ("Within what time is overtime taken as time off?", "six months"),
    ("Below what distance are trains preferred?", "six hundred"),
    ("On which floor do printers stand?", "first and third"),
    ("What does the best suggestion of the year win?", "Bergen"),
    ("How often do apprentices rotate?", "ten weeks"),
    ("How are tools marked?", "orange tape"),
  ]
}
