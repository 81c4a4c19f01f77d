import HoneModel
import HoneTrace

extension FaultServer.Action {
  /// A whole reply with its right length.
  public static func reply(
    status: Int = 200, type: String? = "application/json", headers: [HTTPHeader] = [], body: [UInt8] = []
  ) -> FaultServer.Action {
    .send(head(status: status, type: type, headers: headers, length: body.count) + body)
  }

  /// A whole reply with a text as its body.
  public static func text(
    _ text: String, status: Int = 200, type: String? = "application/json", headers: [HTTPHeader] = []
  ) -> FaultServer.Action {
    .reply(status: status, type: type, headers: headers, body: Array(text.utf8))
  }

  public static func json(_ value: Value, status: Int = 200, headers: [HTTPHeader] = []) -> FaultServer.Action {
    .text(value.canonicalJSON, status: status, headers: headers)
  }

  /// A good reply of `/chat/completions`.
  public static func chat(_ text: String) -> FaultServer.Action {
    .reply(body: ScriptedTransport.chatReply(text).body)
  }

  /// A status line and headers; without a length the body ends with the connection.
  public static func head(
    status: Int = 200, type: String? = "application/json", headers: [HTTPHeader] = [], length: Int?
  ) -> [UInt8] {
    var lines = ["HTTP/1.1 \(status) Scripted"]
    if let type { lines.append("Content-Type: \(type)") }
    if let length { lines.append("Content-Length: \(length)") }
    lines += headers.map { "\($0.name): \($0.value)" }
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }
}
