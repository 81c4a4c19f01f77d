import Hone

/// A small made-up staff handbook, and questions that it answers.
enum Handbook {
  static let passages = [
    "The canteen on the second floor serves lunch from 11:30 to 14:00. On Fridays there is soup.",
    "Parking permits are issued by reception. A permit costs 20 euros a month and is valid for one car.",
    "New laptops are handed out on the first Monday of the month by the help desk in room 114.",
    "The building closes at 22:00. Whoever stays longer tells the night guard, extension 900.",
    "Annual leave is 28 days. Leave that is not taken by 31 March of the next year expires.",
    "Travel above 500 euros needs the approval of the head of department before it is booked.",
    "The library lends books for four weeks; a loan can be extended twice by e-mail.",
    "Visitors sign in at reception and wear a yellow badge as long as they are in the building.",
    "The fire drill takes place every year in May; the meeting point is the north car park.",
    "Sick leave is reported to the team lead before 9:00; a doctor's note is due on the third day.",
    "Bicycles are kept in the cellar; the code of the cellar door is given out by the caretaker.",
    "The print room has two colour printers. Posters are printed on Wednesdays only.",
    "Expenses are paid back within ten days when the receipts are handed in before the 15th.",
    "The gym is free for staff. It opens at 6:30 and is cleaned on Sundays.",
    "Passwords are changed every 180 days and have at least 14 characters.",
    "The company newsletter comes out every second Tuesday; contributions go to Mira Holt.",
    "The meeting room Aspen seats 12 people and has a projector; Birch seats 6.",
    "Interns are paid 1,450 euros a month and have a mentor from their own team.",
    "Lost property is kept at reception for 60 days and is then given to charity.",
    "The first-aid kit hangs beside the lift on each floor; Tomas Reed is the first-aid officer.",
  ]

  static let questions: [Labeled<String, String>] = [
    ("On which day does the canteen serve soup?", "Friday"), ("How much does a parking permit cost?", "20"),
    ("In which room is the help desk?", "114"), ("When does the building close?", "22:00"),
    ("How many days of annual leave are there?", "28"), ("Above what sum does travel need approval?", "500"),
    ("For how long does the library lend books?", "four weeks"), ("What colour is a visitor's badge?", "yellow"),
    ("In which month is the fire drill?", "May"), ("By what time must sick leave be reported?", "9:00"),
    ("Who gives out the code of the cellar door?", "caretaker"), ("On which day are posters printed?", "Wednesday"),
    ("Within how many days are expenses paid back?", "ten"), ("When does the gym open?", "6:30"),
    ("How many characters must a password have?", "14"), ("Who collects contributions to the newsletter?", "Mira Holt"),
    ("How many people does the meeting room Birch seat?", "6"), ("How much are interns paid a month?", "1,450"),
    ("For how many days is lost property kept?", "60"), ("Who is the first-aid officer?", "Tomas Reed"),
    ("How often can a loan of the library be extended?", "twice"),
    ("Where is the meeting point of the fire drill?", "north car park"),
    ("On which day is the gym cleaned?", "Sunday"), ("Which extension has the night guard?", "900"),
  ].map { Labeled(input: $0.0, expected: $0.1) }
}

/// Finds passages by the words they share with a question; rare words count more.
struct Index: Sendable {
  private let passages: [(text: String, words: Set<String>)]
  private let frequency: [String: Int]

  init(_ texts: [String]) {
    passages = texts.map { ($0, Self.words($0)) }
    frequency = passages.reduce(into: [:]) { counts, passage in
      for word in passage.words { counts[word, default: 0] += 1 }
    }
  }

  func search(_ question: String, limit: Int) -> [String] {
    let asked = Self.words(question)
    let ranked = passages.enumerated().map { position, passage in
      let shared = passage.words.intersection(asked)
      return (score: shared.sorted().reduce(0) { $0 + 1 / Double(frequency[$1] ?? 1) }, position: position)
    }.sorted { ($0.score, $1.position) > ($1.score, $0.position) }
    return ranked.prefix(limit).map { passages[$0.position].text }
  }

  private static func words(_ text: String) -> Set<String> {
    Set(text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init))
  }
}
