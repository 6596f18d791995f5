import Testing

@testable import EngineRoom

@Suite struct RunWordsTests {
  @Test(arguments: [
    ("# Fix the parser\nprint(1)", "Fix the parser"), ("// what it does //\nf()", "what it does"),
    ("/* counts */\nf()", "counts"), ("/**\n * Adds numbers.\n */\nf()", "Adds numbers."),
    ("\"\"\"Says hello.\"\"\"\nprint(1)", "Says hello."), ("#!/usr/bin/python3\n#####\nprint(2)", "print(2)"),
    ("\r\n\n  x = 1  # one\r\n", "x = 1  # one"), ("'a'.upper()", "'a'.upper()"), ("", ""), ("#\n//\n", ""),
  ])
  func aTitleIsTheFirstLineThatSaysSomethingWithoutMarks(_ code: String, _ title: String) {
    #expect(RunWords.title(of: code) == title)
  }
}
