/// Licences by their identifiers in the list of SPDX: those that packages name most.
///
/// A text that is none of them is passed on as the name it is, and nothing is claimed of it.
///
/// Source: SPDX License List 3.24; SPDX 2.3, annex D.
enum SPDXLicenses {
  private static let identifiers = """
    0BSD AFL-2.1 AFL-3.0 AGPL-3.0-only AGPL-3.0-or-later Apache-1.1 Apache-2.0 Artistic-1.0 Artistic-1.0-Perl Artistic-2.0
    BSD-1-Clause BSD-2-Clause BSD-2-Clause-Patent BSD-3-Clause BSD-3-Clause-Clear BSD-4-Clause BSL-1.0 BlueOak-1.0.0
    bzip2-1.0.6 CC-BY-3.0 CC-BY-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CC0-1.0 CDDL-1.0 CDDL-1.1 CPL-1.0 curl ECL-2.0 EPL-1.0
    EPL-2.0 EUPL-1.1 EUPL-1.2 FSFAP FSFUL FSFULLR FTL GFDL-1.1-only GFDL-1.1-or-later GFDL-1.2-only GFDL-1.2-or-later
    GFDL-1.3-only GFDL-1.3-or-later GPL-1.0-only GPL-1.0-or-later GPL-2.0-only GPL-2.0-or-later GPL-3.0-only
    GPL-3.0-or-later HPND ICU IJG ImageMagick Info-ZIP ISC JSON LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1-only
    LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later Libpng libtiff LPPL-1.3c MIT MIT-0 MIT-CMU MIT-feh MPL-1.0 MPL-1.1
    MPL-2.0 MS-PL MS-RL NCSA NTP OFL-1.0 OFL-1.1 OLDAP-2.8 OpenSSL OSL-3.0 PHP-3.0 PHP-3.01 PostgreSQL PSF-2.0
    Python-2.0 Python-2.0.1 QPL-1.0 Ruby SGI-B-2.0 Sleepycat SMLNJ SSH-OpenSSH SSH-short TCL Unicode-3.0
    Unicode-DFS-2016 Unicode-TOU Unlicense UPL-1.0 Vim W3C WTFPL X11 Xnet Zend-2.0 Zlib zlib-acknowledgement ZPL-2.1
    """

  private static let exceptions = """
    Autoconf-exception-2.0 Autoconf-exception-3.0 Bison-exception-2.2 Classpath-exception-2.0 Font-exception-2.0
    GCC-exception-2.0 GCC-exception-3.1 Libtool-exception Linux-syscall-note LLVM-exception
    """

  private static let byIdentifier = table(identifiers)
  private static let byException = table(exceptions)

  private static func table(_ words: String) -> [String: String] {
    let all = words.split { $0 == " " || $0 == "\n" }.map { ($0.lowercased(), String($0)) }
    return Dictionary(all, uniquingKeysWith: { first, _ in first })
  }

  /// All that are known, sorted.
  static var all: [String] { byIdentifier.values.sorted() }

  /// The identifier of a licence in the spelling of the list; nil for what is none that we know.
  static func identifier(_ text: String) -> String? { byIdentifier[text.lowercased()] }

  /// The texts as one expression, all of which hold; nil when one of them is no expression of licences that we know.
  static func expression(_ texts: [String]) -> String? {
    let read = texts.compactMap { expression($0) }
    guard read.count == texts.count, !read.isEmpty else { return nil }
    return read.count == 1 ? read[0] : read.map { $0.contains(" ") ? "(\($0))" : $0 }.joined(separator: " AND ")
  }

  /// The longest expression that is looked at.
  private static let lengthLimitBytes = 1024

  private static func expression(_ text: String) -> String? {
    guard text.utf8.count <= lengthLimitBytes else { return nil }
    var words: [String] = []
    var depth = 0
    var wantsLicense = true
    var wantsException = false
    let spaced = text.replacing("(", with: " ( ").replacing(")", with: " ) ")
    for word in spaced.split(separator: " ") {
      switch word {
      case "(" where wantsLicense: depth += 1
      case ")" where !wantsLicense && depth > 0: depth -= 1
      case "AND" where !wantsLicense, "OR" where !wantsLicense: wantsLicense = true
      case "WITH" where !wantsLicense && !wantsException && words.last.flatMap({ identifier($0) }) != nil:
        wantsLicense = true
        wantsException = true
      default:
        let known = wantsException ? byException[word.lowercased()] : identifier(String(word))
        guard wantsLicense, let known else { return nil }
        words.append(known)
        wantsLicense = false
        wantsException = false
        continue
      }
      words.append(String(word))
    }
    guard depth == 0, !wantsLicense else { return nil }
    return words.joined(separator: " ").replacing("( ", with: "(").replacing(" )", with: ")")
  }
}
