"""A chat endpoint for tests: answers by rule, counts what it saw.

usage: endpoint.py LOG [--delay SECONDS] [--status CODE] [--refuse TEXT]

Prints its port on standard output. Appends "begin HASH" and "end HASH" to LOG for each request, HASH over path and body.
A proposer (a request that asks for JSON) gets a better instruction; everyone else gets the label that the instruction and
the message lead to.
"""
import argparse, hashlib, http.server, json, re, threading, time

parser = argparse.ArgumentParser()
parser.add_argument("log")
parser.add_argument("--delay", type=float, default=0)
parser.add_argument("--status", type=int, default=200)
parser.add_argument("--refuse", help="answer 500 where the last message holds this")
parser.add_argument("--echo-headers", action="store_true")
parser.add_argument("--long", action="store_true", help="a proposer's first reply to a question is over any limit")
parser.add_argument("--prose", action="store_true", help="a proposer gets no JSON")
options = parser.parse_args()
lock = threading.Lock()
RULES = [("bill", "billing"), ("charge", "billing"), ("invoice", "billing"), ("crash", "bug"), ("error", "bug"),
         ("broken", "bug"), ("love", "praise"), ("thank", "praise"), ("great", "praise")]

def note(word, digest):
    with lock, open(options.log, "a") as file:
        file.write(f"{word} {digest}\n")

def label(instruction, message, digest):
    found = next((label for word, label in RULES if word in message.lower()), "bug")
    if "billing" in instruction and "praise" in instruction:
        return found
    # A bare instruction gets a chatty answer, except now and then.
    return found if int(digest[:2], 16) < 64 else f"Sure! This message is about {found}."

def proposal(prompt, digest):
    words = ["bug, billing or praise", "praise, billing or bug", "billing, bug or praise", "exactly one of bug, billing, praise"]
    text = f"Answer with one word: {words[int(digest[0], 16) % 4]}. Rule {digest[:4]}."
    return json.dumps({"reasoning": f"The replies are chatty; rule {digest[:4]}.", "suggestion": {"instruction": text},
                       "suggestions": [{"instruction": text}]})

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        digest = hashlib.sha256(self.path.encode() + body).hexdigest()
        note("begin", digest)
        time.sleep(options.delay)
        if options.status != 200:
            return self.answer(options.status, {"error": {"message": f"refused {self.headers.get('Authorization')}", "type": "x"}}, digest)
        request = json.loads(body)
        messages = request["messages"]
        system = next((m["content"] for m in messages if m["role"] == "system"), "")
        user = messages[-1]["content"]
        if user == options.refuse:
            return self.answer(500, {"error": {"message": "down", "type": "x"}}, digest)
        if "response_format" in request or "suggestion" in user:
            text = "I would rather not." if options.prose else proposal(user, digest)
            if options.long and all(m["role"] != "assistant" for m in messages):
                text = text.replace("Answer with", "Answer " + 500 * "at length " + "with")
        else:
            text = label(system, user, digest)
        if options.echo_headers:
            text += " " + str(self.headers.get("Authorization"))
        self.answer(200, {
            "id": "x", "object": "chat.completion", "model": request["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": len(body) // 4, "completion_tokens": len(text) // 4 + 1,
                      "total_tokens": len(body) // 4 + len(text) // 4 + 1}}, digest)

    def answer(self, status, reply, digest):
        data = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()
        note("end", digest)

    def log_message(self, *arguments):
        pass

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    def handle_error(self, request, address):
        pass

server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
