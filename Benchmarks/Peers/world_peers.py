"""gepa and OPRO in the simulated worlds, over the same endpoint as Hone.

Usage: world_peers.py BASE WORLD METHOD SEED CALLS TRAIN VALIDATION
Prints one JSON object: {"calls": metric calls when the method's best instruction first was truly good enough, or null,
"improved": whether the method ends with another instruction than the start, "truth": its true accuracy, "start": the
start's}. METHOD is gepa (https://github.com/gepa-ai/gepa, 0.1.4, as installed) or opro (Yang et al., arXiv 2309.03409,
written here after the paper: 8 samples a step at temperature 1, the best 20 instructions in ascending order, 3 examples).
"""

import http.client
import json
import random
import sys
import urllib.parse

OPENING = "Answer with the label of the item."


class World:
    def __init__(self, base, world, seed):
        self.model = f"{world}/good/{seed}"
        self.url = urllib.parse.urlparse(base)
        self.connection = http.client.HTTPConnection(self.url.hostname, self.url.port)
        self.calls = 0

    def post(self, path, body):
        body = json.dumps({"model": self.model, **body})
        self.connection.request("POST", self.url.path + path, body, {"Content-Type": "application/json"})
        return json.loads(self.connection.getresponse().read())

    def chat(self, messages, **more):
        reply = self.post("/chat/completions", {"messages": messages, **more})
        return reply["choices"][0]["message"]["content"]

    def row(self, row):
        return self.post("/row", {"row": row})

    def rollout(self, instruction, row):
        self.calls += 1
        shown = self.row(row)
        passages = 5 if self.model.startswith("many/") else 0
        text = "".join(f"passage: many {row} {i}\n" for i in range(passages)) + shown["text"]
        output = self.chat([{"role": "system", "content": instruction}, {"role": "user", "content": text}], temperature=0)
        return output, 1.0 if output == shown["label"] else 0.0

    def feedback(self, instruction, row, output):
        return self.post("/feedback", {"row": row, "output": output, "instruction": instruction})["feedback"]

    def truth(self, instruction):
        return self.post("/truth", {"instruction": instruction})


def summary(world, history, final):
    """history: (metric calls, best instruction then), in order."""
    start, goal = world.truth(OPENING)["accuracy"], 0.9 * world.truth(OPENING)["best"]
    reached = next((calls for calls, text in history if world.truth(text)["accuracy"] >= goal), None)
    return {"calls": reached, "improved": final != OPENING, "truth": world.truth(final)["accuracy"], "start": start}


def gepa(world, seed, calls, train, validation):
    import gepa as library
    from gepa.core.adapter import EvaluationBatch

    class Adapter:
        propose_new_texts = None

        def evaluate(self, batch, candidate, capture_traces=False):
            instruction = candidate["instruction"]
            outputs = [world.rollout(instruction, row) for row in batch]
            traces = None
            if capture_traces:
                traces = [(row, text, score) for row, (text, score) in zip(batch, outputs)]
            return EvaluationBatch([o for o, _ in outputs], [s for _, s in outputs], traces)

        def make_reflective_dataset(self, candidate, batch, components):
            records = [
                {
                    "Inputs": world.row(row)["text"],
                    "Generated Outputs": text,
                    "Feedback": world.feedback(candidate["instruction"], row, text),
                }
                for row, text, _ in batch.trajectories
            ]
            return {component: records for component in components}

    class Quiet:
        def log(self, message):
            pass

    result = library.optimize(
        seed_candidate={"instruction": OPENING}, trainset=train, valset=validation, adapter=Adapter(),
        reflection_lm=lambda prompt: world.chat(
            prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}], temperature=1),
        max_metric_calls=calls, seed=seed, logger=Quiet())
    history, best = [], -1.0
    order = sorted(range(len(result.candidates)), key=lambda i: result.discovery_eval_counts[i])
    for index in order:
        if result.val_aggregate_scores[index] > best:
            best = result.val_aggregate_scores[index]
            history.append((result.discovery_eval_counts[index], result.candidates[index]["instruction"]))
    return summary(world, history, result.best_candidate["instruction"])


def opro(world, seed, calls, train, validation):
    stream = random.Random(seed)

    def score(instruction):
        return sum(world.rollout(instruction, row)[1] for row in validation) / len(validation)

    scores = {OPENING: score(OPENING)}
    history, step = [(world.calls, OPENING)], 0
    while world.calls + len(validation) <= calls:
        best = sorted(scores, key=scores.get)[-20:]
        shown = stream.sample(train, 3)
        meta = "Your task is to generate the instruction <INS>. Below are some previous instructions with their scores.\n"
        meta += "The score ranges from 0 to 100.\n\n"
        meta += "".join(f"text:\n{text}\nscore:\n{round(100 * scores[text])}\n\n" for text in best)
        meta += "Below are some problems.\n\n"
        for row in shown:
            item = world.row(row)
            meta += f"Problem:\n<INS>\nQ: {item['text']}\nGround truth answer:\n{item['label']}\n\n"
        meta += "Generate an instruction that is different from all the instructions <INS> above, and has a higher score than all"
        meta += " the instructions <INS> above. The instruction should begin with <INS> and end with </INS>."
        new = 0
        for sample in range(8):
            reply = world.chat([{"role": "user", "content": meta}], temperature=1, seed=1000 * step + sample)
            text = reply.split("<INS>")[-1].split("</INS>")[0].strip()
            if not text or text in scores or world.calls + len(validation) > calls:
                continue
            new += 1
            scores[text] = score(text)
            if scores[text] > scores[history[-1][1]]:
                history.append((world.calls, text))
        step += 1
        if new == 0 and step > 500:
            break
    return summary(world, history, history[-1][1])


def main():
    base, name, method, seed, calls, train, validation = sys.argv[1:]
    world = World(base, name, int(seed))
    train, validation = int(train), int(validation)
    rows = list(range(train)), list(range(train, train + validation))
    run = {"gepa": gepa, "opro": opro}[method]
    print(json.dumps(run(world, int(seed), int(calls), *rows)))


main()
