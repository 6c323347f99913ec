import Foundation

/// A number with three significant digits, without an exponent.
func threeDigits(_ value: Double) -> String {
  let magnitude = abs(value)
  let decimals = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3
  return String(format: "%.\(decimals)f", value)
}

/// A number as short as it can be written.
func trimmed(_ value: Double) -> String {
  value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
}

/// A ratio, with a digit more below a tenth.
func ratioText(_ value: Double) -> String {
  String(format: value < 0.1 ? "%.3f" : "%.2f", value)
}

/// A count with its thousands set off.
func grouped(_ value: Int) -> String {
  let digits = Array(String(value))
  return digits.enumerated().reduce(into: "") { text, digit in
    if digit.offset > 0, (digits.count - digit.offset).isMultiple(of: 3) { text += "," }
    text.append(digit.element)
  }
}
