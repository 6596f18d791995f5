internal import Base
internal import FoundationEssentials

/// Small modules in three languages, each about a subject of its own, so that a search has something to find.
struct DemoSources {
  enum Language: String, CaseIterable, Sendable {
    case swift, python, javascript

    var ending: String {
      switch self {
      case .swift: "swift"
      case .python: "py"
      case .javascript: "js"
      }
    }
  }

  /// Subject, what is counted, and what is done with it.
  private static let subjects: [(noun: String, unit: String, deed: String)] = [
    ("tide", "metres", "forecast the height of the water at the quay"),
    ("berth", "hours", "assign a free berth to an arriving ship"),
    ("pilot", "shifts", "plan who guides which vessel into the harbour"),
    ("crane", "tonnes", "keep the load below what the crane may lift"),
    ("lantern", "lumens", "dim the lamp when the fog lifts"),
    ("buoy", "knots", "warn when a buoy drifts from its anchor"),
    ("cargo", "crates", "pack containers so that none is unloaded twice"),
    ("customs", "forms", "check a declaration against the tariff"),
    ("ferry", "passengers", "sell no more seats than the ferry has"),
    ("weather", "millibars", "smooth the pressure readings of the barometer"),
    ("signal", "flags", "spell a message with signal flags"),
    ("rope", "newtons", "retire a rope before it breaks"),
    ("ledger", "coins", "round amounts without losing a cent"),
    ("fishery", "baskets", "close the season when the quota is caught"),
    ("beacon", "seconds", "repeat the flashing pattern of a beacon"),
    ("anchor", "fathoms", "choose the length of the chain by depth"),
    ("radar", "echoes", "tell a ship from a wave in the radar echo"),
    ("crew", "watches", "divide the night into fair watches"),
    ("galley", "meals", "order provisions for a voyage"),
    ("compass", "degrees", "correct the compass for magnetic deviation"),
  ]
  private static let aspects = ["planner", "store", "parser", "report", "queue", "cache", "policy", "client", "budget"]

  static var count: Int { subjects.count * aspects.count }

  /// The name of a module without folder and ending.
  static func name(_ number: Int) -> String {
    "\(subjects[number % subjects.count].noun)_\(aspects[number / subjects.count % aspects.count])"
  }

  static func path(_ number: Int, _ language: Language) -> String {
    "\(aspects[number / subjects.count % aspects.count])/\(name(number)).\(language.ending)"
  }

  /// The text of module `number` after so many changes.
  static func text(_ number: Int, _ language: Language, revision: Int, _ chance: inout SeededGenerator) -> String {
    let subject = subjects[number % subjects.count]
    let aspect = aspects[number / subjects.count % aspects.count]
    let limit = Int.random(in: 10...900, using: &chance)
    let factor = Int.random(in: 2...9, using: &chance)
    let words = (noun: subject.noun, unit: subject.unit, aspect: aspect, deed: subject.deed)
    switch language {
    case .swift: return swift(words, limit, factor, revision)
    case .python: return python(words, limit, factor, revision)
    case .javascript: return javascript(words, limit, factor, revision)
    }
  }

  private typealias Words = (noun: String, unit: String, aspect: String, deed: String)

  private static func swift(_ words: Words, _ limit: Int, _ factor: Int, _ revision: Int) -> String {
    let type = words.noun.capitalized + words.aspect.capitalized
    return """
      /// The \(words.aspect) of the \(words.noun): to \(words.deed). Revision \(revision).
      struct \(type) {
        /// In \(words.unit).
        let limit = \(limit)
        private var \(words.unit): [Int] = []

        mutating func add(_ amount: Int) -> Bool {
          guard total + amount <= limit else { return false }
          \(words.unit).append(amount)
          return true
        }

        var total: Int { \(words.unit).reduce(0, +) }

        func forecast(days: Int) -> [Int] { (0..<days).map { total * \(factor) + $0 } }
      }

      """
  }

  private static func python(_ words: Words, _ limit: Int, _ factor: Int, _ revision: Int) -> String {
    """
    \"\"\"The \(words.aspect) of the \(words.noun): to \(words.deed). Revision \(revision).\"\"\"

    LIMIT_\(words.unit.uppercased()) = \(limit)


    def check_\(words.noun)(amounts):
        \"\"\"Whether the \(words.unit) stay below the limit.\"\"\"
        return sum(amounts) <= LIMIT_\(words.unit.uppercased())


    class \(words.noun.capitalized)\(words.aspect.capitalized):
        def __init__(self):
            self.\(words.unit) = []

        def add(self, amount):
            if not check_\(words.noun)(self.\(words.unit) + [amount]):
                raise ValueError("too many \(words.unit)")
            self.\(words.unit).append(amount)

        def forecast(self, days):
            return [sum(self.\(words.unit)) * \(factor) + day for day in range(days)]

    """
  }

  private static func javascript(_ words: Words, _ limit: Int, _ factor: Int, _ revision: Int) -> String {
    """
    // The \(words.aspect) of the \(words.noun): to \(words.deed). Revision \(revision).
    const LIMIT = \(limit);

    export class \(words.noun.capitalized)\(words.aspect.capitalized) {
      #\(words.unit) = [];

      add(amount) {
        if (this.total + amount > LIMIT) throw new RangeError("too many \(words.unit)");
        this.#\(words.unit).push(amount);
      }

      get total() {
        return this.#\(words.unit).reduce((sum, amount) => sum + amount, 0);
      }

      forecast(days) {
        return Array.from({ length: days }, (_, day) => this.total * \(factor) + day);
      }
    }

    """
  }

  /// What somebody may look for.
  static func question(_ chance: inout SeededGenerator) -> String {
    let subject = subjects[Int.random(in: 0..<subjects.count, using: &chance)]
    switch Int.random(in: 0..<3, using: &chance) {
    case 0: return subject.deed
    case 1: return "\(subject.noun) limit in \(subject.unit)"
    default: return "\(subject.noun.capitalized)\((aspects.randomElement(using: &chance) ?? "").capitalized)"
    }
  }
}
