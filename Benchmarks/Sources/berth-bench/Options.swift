/// The command line.
struct Options {
  var only: [String] = []
  var rounds: Int?
  var isQuick = false
  var isFullScale = false
  var berthPath: String?
  var temporaryParent = "/var/tmp"
  var markdownPath: String?
  var showsList = false
  var showsHelp = false

  static let help = """
    usage: berth-bench [options]

      --only NAME,…     run these sections only (see --list)
      --rounds N        turns of each server whose median is taken
      --quick           about two minutes instead of twelve: shorter turns, smaller registries
      --scale           the section "scale" with 1,000,000 tags over 20,000 repositories
      --collector       the section "collector" only
      --berth PATH      the server under test (default ../.build/release/berth)
      --temp DIR        where the servers' data goes; must be a real disk (default /var/tmp)
      --markdown FILE   write the report there as well
      --list            name the sections
    """

  init(_ arguments: [String]) throws {
    var rest = arguments[...]
    func value(of option: String) throws -> String {
      guard let value = rest.popFirst() else { throw BenchError("\(option) needs a value") }
      return value
    }
    while let argument = rest.popFirst() {
      switch argument {
      case "--only": only += try value(of: argument).split(separator: ",").map(String.init)
      case "--rounds":
        guard let number = Int(try value(of: argument)), number > 0 else {
          throw BenchError("--rounds needs a number above 0")
        }
        rounds = number
      case "--quick": isQuick = true
      case "--scale": isFullScale = true
      case "--collector": only.append("collector")
      case "--berth": berthPath = try value(of: argument)
      case "--temp": temporaryParent = try value(of: argument)
      case "--markdown": markdownPath = try value(of: argument)
      case "--list": showsList = true
      case "--help", "-h": showsHelp = true
      default: throw BenchError("unknown option \(argument)\n\n\(Self.help)")
      }
    }
  }

  var plan: Plan {
    var plan = isQuick ? Plan.quick : Plan.full
    if let rounds { plan.rounds = rounds }
    if isFullScale { plan.scaleTags = 1_000_000 }
    return plan
  }
}
