import Ground
import OCI
import TestSupport

@testable import Metadata

/// A registry in memory, and what a search in it must find: each tag is looked at, and each word of the query.
struct SearchModel {
  struct Image {
    let repository: RepositoryName
    /// Nil: no tag points to it.
    let tag: Tag?
    let digest: Digest
    var pushedAt: Timestamp
    var actor: String?
    var facts: ImageFacts?
    var labels: [(target: String, key: String, value: String)] = []
    var repositoryKey: Int64 = 0

    var entry: String { tag?.text ?? digest.description }
  }

  var images: [Image] = []
  /// Name, namespace and patterns.
  var environments: [(name: String, namespace: String, patterns: [String])] = []

  func found(_ query: SearchQuery, in namespaces: [String]?) -> [Image] {
    let all = images.filter { image in
      (image.tag == nil) == query.isForUntagged && namespaces?.contains(image.repository.namespace) ?? true
        && holds(query.condition, image)
    }
    let sorted = all.sorted { left, right in
      let (a, b) = (key(left, query.sort), key(right, query.sort))
      if a != b { return a.utf8.lexicographicallyPrecedes(b.utf8) }
      if left.repositoryKey != right.repositoryKey { return left.repositoryKey < right.repositoryKey }
      return left.entry.utf8.lexicographicallyPrecedes(right.entry.utf8)
    }
    return query.sort.isDescending ? sorted.reversed() : sorted
  }

  /// A text in the order of the key; what lacks it comes last in either direction.
  private func key(_ image: Image, _ sort: SearchSort) -> String {
    func padded(_ number: Int64?) -> String {
      guard let number else { return sort.isDescending ? "" : "~" }
      let digits = String(number)
      return String(repeating: "0", count: 20 - digits.count) + digits
    }
    switch sort.key {
    case .pushed: return padded(image.pushedAt.microseconds)
    case .built: return padded(image.facts?.builtAt?.microseconds)
    case .size: return padded(image.facts?.sizeBytes)
    case .name: return image.repository.text
    case .version: return version(image) ?? (sort.isDescending ? "" : "~")
    }
  }

  private func version(_ image: Image) -> String? {
    image.tag.flatMap { SemanticVersion(parsing: $0.text)?.key }
      ?? image.facts?.version.flatMap { SemanticVersion(parsing: $0)?.key }
  }

  private func holds(_ condition: SearchCondition, _ image: Image) -> Bool {
    switch condition {
    case .all(let parts): parts.allSatisfy { holds($0, image) }
    case .any(let parts): parts.contains { holds($0, image) }
    case .not(let part): !holds(part, image)
    case .term(let term): holds(term, image)
    }
  }

  private func holds(_ term: SearchTerm, _ image: Image) -> Bool {
    let facts = image.facts
    let labels = image.labels.map { ($0.key, $0.value) } + (facts?.labels ?? [:]).map { ($0.key, $0.value) }
    switch term {
    case .word(let word):
      let texts =
        [image.repository.text] + (image.tag.map { [$0.text] } ?? []) + labels.flatMap { [$0.0, $0.1] }
        + [facts?.baseName, facts?.revision, facts?.title, facts?.version].compactMap { $0 }
      return texts.contains { SearchWords.of($0).contains { $0.hasPrefix(word) } }
    case .repository(let pattern): return pattern.matches(image.repository.text)
    case .tag(let pattern): return image.tag.map { pattern.matches($0.text) } ?? false
    case .version(let bounds): return version(image).map { bounds.contains($0) } ?? false
    case .label(let key, let value):
      return labels.contains { label in
        guard label.0 == key else { return false }
        switch value {
        case nil: return true
        case .exactly(let text): return label.1 == text
        case .like(let pattern): return pattern.matches(label.1)
        }
      }
    case .environment(let name):
      let runs = images.contains {
        $0.repository == image.repository && $0.tag?.text == name && $0.digest == image.digest
      }
      return runs
        && environments.contains { environment in
          environment.name == name && environment.namespace == image.repository.namespace
            && environment.patterns.contains { Glob.matches(image.repository.text, $0) }
        }
    case .built(let bounds): return facts?.builtAt.map { bounds.contains($0) } ?? false
    case .pushed(let bounds): return bounds.contains(image.pushedAt)
    case .by(let name, let isPrefix): return image.actor.map { isPrefix ? $0.hasPrefix(name) : $0 == name } ?? false
    case .platform(let wanted):
      return (facts?.platforms ?? []).contains { platform in
        wanted.contains("/")
          ? platform == wanted || platform.hasPrefix(wanted + "/")
          : platform.split(separator: "/").contains(wanted[...])
      }
    case .size(let bounds): return facts?.sizeBytes.map { bounds.contains($0) } ?? false
    case .base(let name):
      return facts?.baseName.map { ("/" + $0).contains("/" + name) } ?? false
    case .digest(let prefix): return image.digest.description.hasPrefix(prefix)
    case .revision(let prefix): return facts?.revision?.hasPrefix(prefix) ?? false
    // Its images hold no packages; see the tests of the inspection.
    case .packages, .packageVersions, .severity, .flawedPackages, .vulnerability: return false
    case .license(let part): return facts?.licenses.map { $0.lowercased().contains(part) } ?? false
    }
  }
}

// MARK: - Chance

extension SearchModel {
  private static let repositories = [
    "acme/api", "acme/web", "acme/web-admin", "acme/db.tools", "globex/api", "initech",
  ]
  private static let tags = [
    "1.0.0", "1.0.1", "1.1.0-rc.1", "1.1.0", "2.0.0", "2.1.0", "2.1.3", "v2.10.0", "3.0.0-alpha", "latest", "Nightly",
    "main-4f2c1ab", "production", "staging", "_x", "2.1.3-alpine", "2026-11-01",
  ]
  private static let accounts = ["alice", "albert", "bob", "acme+ci"]
  private static let values = ["payments", "Payments", "checkout flow", "a=b", "50%", "x_y", "größe", "2.1"]
  static let base = Timestamp(parsing: "2026-11-01T00:00:00Z") ?? .distantPast

  /// Images by chance; digests are made by `digest`.
  static func random(_ chance: SeededRandom, count: Int, digest: (Int) throws -> Digest) throws -> SearchModel {
    func pick<T>(_ from: [T]) -> T { from[Int(chance.next() % UInt64(from.count))] }
    func maybe<T>(_ value: @autoclosure () -> T) -> T? { chance.next() % 3 == 0 ? nil : value() }
    var model = SearchModel()
    model.environments = [
      ("production", "acme", ["acme/*"]), ("production", "globex", ["globex/nothing"]),
      ("staging", "acme", ["acme/web"]),
    ]
    var factsOf: [String: ImageFacts?] = [:]
    var labelsOf: [String: [(String, String, String)]] = [:]
    var seen = Set<String>()
    for number in 0..<count {
      let repository = RepositoryName.sample(pick(repositories))
      let isUntagged = chance.next() % 8 == 0
      // Several tags of one digest, and none of an untagged one.
      let digest = try digest(isUntagged ? 1000 + number : Int(chance.next() % 12))
      let tag = isUntagged ? nil : Tag.sample(pick(tags) + pick(["", "", "-b\(chance.next() % 4)"]))
      guard seen.insert("\(repository):\(tag?.text ?? digest.description)").inserted else { continue }
      let key = "\(repository)@\(digest)"
      if factsOf[key] == nil {
        factsOf.updateValue(maybe(randomFacts(chance)), forKey: key)
        labelsOf[key] = maybe([(digest.description, pick(["team", "tier"]), pick(values))]) ?? []
      }
      var image = Image(
        repository: repository, tag: tag, digest: digest,
        pushedAt: base + .seconds(Int64(chance.next() % 15) * 86_400), actor: isUntagged ? nil : pick(accounts))
      image.facts = factsOf[key] ?? nil
      image.labels = labelsOf[key] ?? []
      if let tag, chance.next() % 3 == 0 { image.labels.append((tag.text, pick(["team", "owner"]), pick(values))) }
      model.images.append(image)
    }
    return model
  }

  private static func randomFacts(_ chance: SeededRandom) -> ImageFacts {
    func pick<T>(_ from: [T]) -> T { from[Int(chance.next() % UInt64(from.count))] }
    func maybe<T>(_ value: @autoclosure () -> T) -> T? { chance.next() % 3 == 0 ? nil : value() }
    var facts = ImageFacts()
    facts.builtAt = maybe(base - .seconds(Int64(chance.next() % 90) * 86_400))
    facts.version = maybe(pick(["2.1.0", "9.9.9", "not a version"]))
    facts.revision = maybe(pick(["4f2c1ab", "99aa", "4f00"]))
    facts.title = maybe(pick(["Payments API", "Web"]))
    facts.licenses = maybe(pick(["MIT", "Apache-2.0 OR MIT"]))
    facts.baseName = maybe(pick(["docker.io/library/debian:12", "debian:13", "alpine", "example.org/debian-slim"]))
    facts.platforms = pick([[], ["linux/amd64"], ["linux/amd64", "linux/arm64"], ["linux/arm64/v8"], ["linux/arm/v7"]])
    facts.sizeBytes = maybe(Int64(pick([10_000, 100_000_000, 500_000_000, 900_000_000])))
    facts.labels = maybe([pick(["team", "maintainer"]): pick(values)]) ?? [:]
    return facts
  }

  /// A query by chance, as somebody would write it.
  static func query(_ chance: SeededRandom, depth: Int = 0) -> String {
    func pick<T>(_ from: [T]) -> T { from[Int(chance.next() % UInt64(from.count))] }
    switch chance.next() % (depth > 2 ? 5 : 9) {
    case 5: return "\(query(chance, depth: depth + 1)) \(pick(["", "AND "]))\(query(chance, depth: depth + 1))"
    case 6: return "(\(query(chance, depth: depth + 1)) OR \(query(chance, depth: depth + 1)))"
    case 7: return "\(pick(["-", "NOT "]))\(atom(chance))"
    case 8: return "-(\(query(chance, depth: depth + 1)))"
    default: return atom(chance)
    }
  }

  private static func atom(_ chance: SeededRandom) -> String {
    func pick<T>(_ from: [T]) -> T { from[Int(chance.next() % UInt64(from.count))] }
    return pick([
      pick([
        "acme", "web", "api", "2.1", "pay", "check", "NIGHT", "debian", "grö", "\"checkout fl\"", "a", "4f", "admin*",
      ]),
      "repo:" + pick(["acme/*", "acme/api", "*/api", "acme/web*", "init*", "nothing/here", "*_*"]),
      "tag:" + pick(["2.*", "latest", "nightly", "*-alpine", "v*", "1.0.0", "_*", "main-*", "*"]),
      "version:" + pick([">=2.1,<3", "2.1", "1.1.0", ">1.0.0", "<=2", "1.0..2.1", "<3.0.0", ">2", "2.x", "=2.1.3"]),
      "label:"
        + pick(["team=payments", "team", "team=pay*", "tier=50%", "owner=x_y", "team=*=b", "nothing", "maintainer"]),
      "env:" + pick(["production", "staging", "nowhere"]),
      "built:" + pick(["<30d", ">60d", "2026-10-01..2026-10-20", ">=2026-10-15", "<2026-09-01"]),
      "pushed:" + pick(["2026-11-01..2026-11-05", ">=2026-11-10", "<2026-11-03", "2026-11-07", "<5d", "..2026-11-04"]),
      "by:" + pick(["alice", "al*", "nobody", "acme+ci"]),
      "platform:" + pick(["linux/arm64", "arm64", "linux", "linux/arm", "windows", "v7"]),
      "size:" + pick([">500MB", "<=100mb", "10kb", "1MB..600MB", ">=0.5GB"]),
      "base:" + pick(["debian", "docker.io/library", "alpine", "ebian", "debian:12"]),
      "revision:" + pick(["4f", "99aa", "4f2c1ab"]), "license:" + pick(["mit", "apache"]),
      "digest:sha256:" + pick(["0", "1", "a"]),
    ])
  }

  static func sort(_ chance: SeededRandom) -> String {
    let key = SearchSort.Key.allCases[Int(chance.next() % UInt64(SearchSort.Key.allCases.count))]
    return " sort:\(chance.next() % 2 == 0 ? "-" : "")\(key.rawValue)"
  }
}
