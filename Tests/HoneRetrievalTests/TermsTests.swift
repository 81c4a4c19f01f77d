import HoneRetrieval
import Testing

struct TermsTests {
  @Test func termsAreLowerCaseRunsOfLettersAndDigits() {
    #expect(
      Terms.of("Beyoncé's 24–10 win, in “Super Bowl 50”.") == [
        "beyoncé", "s", "24", "10", "win", "in", "super", "bowl", "50",
      ])
    #expect(Terms.of("– ... %").isEmpty)
    #expect(Terms.of("Σίσυφος x²") == ["σίσυφος", "x²"])
  }

  @Test func aVocabularyNumbersTermsInTheOrderTheyCome() {
    var vocabulary = Vocabulary()
    #expect(["cat", "the", "cat", "mat"].map { vocabulary.number($0) } == [0, 1, 0, 2])
    #expect(vocabulary.count == 3 && vocabulary.isStopWord == [false, true, false])
    #expect(vocabulary.query("Is THE mat a dog's or the cat's?") == [2, 0])
  }
}
