/// Patterns in which `*` stands for any text.
public enum Glob {
  /// Cost: at most the product of the two lengths.
  public static func matches(_ text: some StringProtocol, _ pattern: some StringProtocol) -> Bool {
    let text = Array(text.utf8)
    let pattern = Array(pattern.utf8)
    var position = 0
    var wanted = 0
    var star: (wanted: Int, position: Int)?
    while position < text.count {
      if wanted < pattern.count, pattern[wanted] == 0x2A {
        star = (wanted, position)
        wanted += 1
      } else if wanted < pattern.count, pattern[wanted] == text[position] {
        wanted += 1
        position += 1
      } else if let last = star {
        star = (last.wanted, last.position + 1)
        wanted = last.wanted + 1
        position = last.position + 1
      } else {
        return false
      }
    }
    return pattern[wanted...].allSatisfy { $0 == 0x2A }
  }
}
