import OCI
import Scanning
import Upkeep

/// A feed of advisories: `pypi=osv:https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip`.
struct FeedURL: Sendable, Equatable {
  let name: String
  let content: ConfiguredFeed.Content
  /// `https://…`, `http://…`, or the path of a file or folder; of a bundle also `oci://…`.
  let address: String

  init(parsing text: String) throws(ValueProblem) {
    let example = "pypi=osv:https://feeds.example/pypi.zip"
    guard let equals = text.firstIndex(of: "="), let colon = text[equals...].firstIndex(of: ":") else {
      throw ValueProblem("\(quoted(text)) is no feed: NAME=FORMAT:ADDRESS, such as \(example)")
    }
    name = String(text[..<equals])
    let isName = name.utf8.allSatisfy { byte in
      (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x2E
    }
    guard (1...64).contains(name.utf8.count), isName else {
      throw ValueProblem("\(quoted(name)) is no name of a feed: small letters, digits, dashes and points, at most 64")
    }
    let word = String(text[text.index(after: equals)..<colon])
    guard let content = Self.contents.first(where: { $0.word == word }) else {
      throw ValueProblem("\(quoted(word)) is no format of a feed; there are \(Self.words)")
    }
    self.content = content
    address = String(text[text.index(after: colon)...])
    if content == .bundle, ArtifactAddress.isAddress(address) {
      do throws(ParseError) { _ = try ArtifactAddress(parsing: address) } catch {
        throw ValueProblem("\(quoted(address)): \(error.message)")
      }
      return
    }
    guard address.hasPrefix("https://") || address.hasPrefix("http://") || address.hasPrefix("/") else {
      throw ValueProblem("\(quoted(address)) is neither an address nor the whole path of a file or folder")
    }
  }

  var text: String { "\(name)=\(content.word):\(address)" }

  static let contents = AdvisoryFormat.allCases.map { ConfiguredFeed.Content.records($0) } + [.bundle]
  static var words: String { contents.map(\.word).joined(separator: ", ") }
}

extension SettingType<FeedURL> {
  static let feed = SettingType.scalar(
    summary:
      "feeds `NAME=FORMAT:ADDRESS` (\(FeedURL.contents.map(\.word).joined(separator: "|")))",
    schema: .object([
      ("type", .string("string")),
      ("pattern", .string("^[a-z0-9.-]+=(osv|secdb|debian|csaf|kev|epss|bundle):(https?://|/|oci(\\+http)?://)")),
    ])
  ) { (text) throws(ValueProblem) in
    try FeedURL(parsing: text)
  } render: {
    .text($0.text)
  }
}
