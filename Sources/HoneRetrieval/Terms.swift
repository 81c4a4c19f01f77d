import Foundation

/// Words and the terms in them: what is indexed, matched and weighed.
public enum Terms {
  /// The lower-case runs of letters and digits in a text: "Beyoncé's" has the terms "beyoncé" and "s".
  public static func of(_ text: some StringProtocol) -> [String] {
    var terms: [String] = []
    var term = String.UnicodeScalarView()
    func end() {
      if !term.isEmpty { terms.append(String(term).lowercased()) }
      term.removeAll()
    }
    for scalar in text.unicodeScalars {
      if isPart(scalar) { term.append(scalar) } else { end() }
    }
    end()
    return terms
  }

  private static func isPart(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII {
      return ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
    }
    return scalar.properties.isAlphabetic || scalar.properties.numericType != nil
  }

  /// English function words, question words and the rests of contractions: they say how, not what.
  public static let stopWords = Set(
    """
    a about above after again against all also am an and any are as at be because been before being below between both
    but by can could did do does doing down during each either few for from further had has have having he her here hers
    herself him himself his how i if in into is it its itself just may me might more most must my myself neither no nor
    not now of off on once only or other our ours ourselves out over own same shall she should so some such than that
    the their theirs them themselves then there these they this those through to too under until up upon us very was we
    were what when where which while who whom whose why will with within without would you your yours yourself
    yourselves d ll m re s t ve
    """.split { $0.isWhitespace }.map(String.init))
}

/// Gives every term of some documents a number, so that indexes need no text.
public struct Vocabulary: Sendable {
  private var numbers: [String: Int] = [:]
  /// By number.
  public private(set) var isStopWord: [Bool] = []

  public init() {}

  public var count: Int { numbers.count }

  public subscript(term: String) -> Int? { numbers[term] }

  /// The term's number; a new one when it has none.
  public mutating func number(_ term: String) -> Int {
    if let known = numbers[term] { return known }
    let number = numbers.count
    numbers[term] = number
    isStopWord.append(Terms.stopWords.contains(term))
    return number
  }

  /// Numbers of a question's terms that are known and no stop words, in its order.
  public func query(_ question: String) -> [Int] {
    Terms.of(question).compactMap { numbers[$0] }.filter { !isStopWord[$0] }
  }
}
