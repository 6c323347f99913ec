public import Ground
internal import OCI

/// A question to the registry: which tags, and in which order. Read from text by ``init(parsing:now:)``.
public struct SearchQuery: Sendable, Hashable {
  /// In bytes.
  public static let lengthLimitBytes = 2000
  /// How deep parentheses and negations may stand in one another.
  public static let depthLimit = 16
  /// How many words and fields: each costs a look at every image that is considered.
  public static let termLimit = 32

  public let condition: SearchCondition
  public let sort: SearchSort
  /// It asks for manifests that no tag points to, instead of tags.
  public let isForUntagged: Bool
}

extension SearchQuery {
  /// The same query with keys of packages in place of bounds of versions, which only their ecosystems can compare, and of severities,
  /// which are those of vulnerabilities and not of single records.
  ///
  /// - Parameters:
  ///   - versions: keys of the packages that are meant.
  ///   - flawed: keys of packages with a finding so bad.
  public func resolvingPackages(
    _ versions: (SearchTerm.PackageVersions) throws -> [Int64], flawed: ([String]) throws -> [Int64]
  ) rethrows -> SearchQuery {
    SearchQuery(
      condition: try condition.resolvingPackages(versions, flawed), sort: sort, isForUntagged: isForUntagged)
  }

  /// What ``resolvingPackages(_:flawed:)`` will ask for.
  public var unresolved: (versions: [SearchTerm.PackageVersions], severities: [[String]]) {
    var (versions, severities): ([SearchTerm.PackageVersions], [[String]]) = ([], [])
    _ = resolvingPackages {
      versions.append($0)
      return []
    } flawed: {
      severities.append($0)
      return []
    }
    return (versions, severities)
  }
}

extension SearchCondition {
  fileprivate func resolvingPackages(
    _ versions: (SearchTerm.PackageVersions) throws -> [Int64], _ flawed: ([String]) throws -> [Int64]
  ) rethrows -> SearchCondition {
    switch self {
    case .all(let parts): .all(try parts.map { try $0.resolvingPackages(versions, flawed) })
    case .any(let parts): .any(try parts.map { try $0.resolvingPackages(versions, flawed) })
    case .not(let part): .not(try part.resolvingPackages(versions, flawed))
    case .term(.packageVersions(let wanted)): .term(.packages(try versions(wanted)))
    case .term(.severity(let words)): .term(.flawedPackages(try flawed(words)))
    case .term: self
    }
  }
}

/// What must hold.
public indirect enum SearchCondition: Sendable, Hashable {
  /// Of none: everything.
  case all([SearchCondition])
  case any([SearchCondition])
  case not(SearchCondition)
  case term(SearchTerm)
}

/// One word or field of a query.
public enum SearchTerm: Sendable, Hashable {
  /// In lower case: a prefix of what ``SearchWords`` makes of the repository, the tag or a label.
  case word(String)
  case repository(SearchPattern)
  case tag(SearchPattern)
  /// The tag's version, else the one that the image names.
  case version(SearchBounds<String>)
  /// Set by a person or in the image; the value as a pattern in lower case, or exactly; nil: any.
  case label(key: String, value: LabelValue?)
  case environment(String)
  case built(SearchBounds<Timestamp>)
  case pushed(SearchBounds<Timestamp>)
  /// An account's name, or with `isPrefix` how it begins.
  case by(String, isPrefix: Bool)
  /// In lower case: `linux/arm64`, or one part of it.
  case platform(String)
  case size(SearchBounds<Int64>)
  /// In lower case: how the base image's name begins, or a part of it after a slash.
  case base(String)
  /// How the digest begins.
  case digest(String)
  /// In lower case: how the revision begins.
  case revision(String)
  /// In lower case: a part of the licenses.
  case license(String)
  /// A package that it holds. Which versions are meant depends on the ecosystem: ``SearchQuery/resolvingPackages(_:flawed:)``.
  case packageVersions(PackageVersions)
  /// Keys of packages of which it holds one.
  case packages([Int64])
  /// It has a finding so bad: one of these words. In which packages those are: ``SearchQuery/resolvingPackages(_:flawed:)``.
  case severity([String])
  /// Keys of packages with findings of which it holds one that is not left to the operating system's package.
  case flawedPackages([Int64])
  /// Any name of a vulnerability of which it has a finding.
  case vulnerability(String)

  /// Versions of a package, by bounds all of which must hold.
  public struct PackageVersions: Sendable, Hashable {
    public enum Comparison: String, Sendable, Hashable, CaseIterable {
      case atMost = "<="
      case atLeast = ">="
      case less = "<"
      case more = ">"
      case equal = "="
    }

    public struct Bound: Sendable, Hashable {
      public let comparison: Comparison
      /// As the ecosystem writes it.
      public let version: String
    }

    /// Of the package or of its source, as the ecosystem spells it.
    public let name: String
    /// None: every version.
    public let bounds: [Bound]
  }

  public enum LabelValue: Sendable, Hashable {
    case exactly(String)
    case like(SearchPattern)
  }
}

/// A text in lower case in which `*` stands for any text.
public struct SearchPattern: Sendable, Hashable {
  public static let starLimit = 8
  public let text: String

  /// What everything that it takes begins with.
  var prefix: String { String(text.prefix { $0 != "*" }) }
  var isExact: Bool { !text.contains("*") }

  /// As `LIKE` has it, with `!` before what stands for itself.
  var like: String {
    var like = ""
    for character in text {
      switch character {
      case "*": like += "%"
      case "%", "_", "!": like += "!" + String(character)
      default: like.append(character)
      }
    }
    return like
  }

  public func matches(_ text: String) -> Bool { Glob.matches(text.asciiLowercased, self.text) }
}

/// From where to where. A value is inside when it is not before the lower bound and before the upper one.
public struct SearchBounds<Value: Sendable & Hashable & Comparable>: Sendable, Hashable {
  public var from: Value?
  public var before: Value?

  public func contains(_ value: Value) -> Bool {
    from.map { value >= $0 } ?? true && before.map { value < $0 } ?? true
  }

  /// No value is inside: it ends before it begins.
  var isEmpty: Bool {
    guard let from, let before else { return false }
    return from >= before
  }

  /// Both.
  mutating func narrow(to other: SearchBounds) {
    if let lower = other.from { from = from.map { max($0, lower) } ?? lower }
    if let upper = other.before { before = before.map { min($0, upper) } ?? upper }
  }
}

/// The order of results. Those that lack what is sorted by come last.
public struct SearchSort: Sendable, Hashable {
  public enum Key: String, Sendable, Hashable, CaseIterable {
    case pushed, built, name, version, size
  }

  public let key: Key
  public let isDescending: Bool

  /// The newest first.
  public static let usual = SearchSort(key: .pushed, isDescending: true)
}

/// What is wrong with a query, and where.
public struct SearchError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The character that it is about, counted from 1.
  public let column: Int
  public let message: String
  public var description: String { "column \(column): \(message)" }
}
