import Testing

@testable import Scanning

@Suite struct `A vector of CVSS` {
  /// Scores of version 4 as the calculator that FIRST names gives them.
  @Test(
    arguments: [
      ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10.0),
      ("CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0.0),
      ("CVSS:4.0/AV:N/AC:L/AT:N/PR:L/UI:N/VC:N/VI:L/VA:L/SC:N/SI:N/SA:L/E:P/IR:X/MVC:H/MSI:N", 5.7),
      ("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:N/VI:N/VA:N/SC:H/SI:L/SA:H", 5.6),
      ("CVSS:4.0/AV:P/AC:H/AT:N/PR:L/UI:P/VC:H/VI:N/VA:N/SC:H/SI:H/SA:H/E:X/CR:H/IR:X/AR:X/MPR:N/MSI:H", 6.0),
      ("CVSS:4.0/AV:A/AC:L/AT:P/PR:L/UI:P/VC:L/VI:L/VA:L/SC:N/SI:N/SA:L/E:U/MAV:X/MPR:L/MVC:H/MSI:L", 0.7),
      ("CVSS:4.0/AV:A/AC:H/AT:P/PR:N/UI:A/VC:N/VI:L/VA:N/SC:H/SI:L/SA:H/E:U/CR:M/MAV:P/MPR:H/MVC:H/MSA:X", 0.8),
      ("CVSS:4.0/AV:P/AC:L/AT:P/PR:N/UI:A/VC:N/VI:H/VA:N/SC:N/SI:L/SA:L/MAV:N/MVC:H/MSA:X", 7.4),
      ("CVSS:4.0/AV:N/AC:H/AT:P/PR:L/UI:A/VC:H/VI:H/VA:L/SC:L/SI:H/SA:N/IR:H/AR:H/MAV:P/MSI:N/MSA:N", 5.3),
      ("CVSS:4.0/AV:P/AC:L/AT:P/PR:N/UI:A/VC:L/VI:N/VA:N/SC:N/SI:L/SA:L", 1.0),
      ("CVSS:4.0/AV:P/AC:L/AT:P/PR:H/UI:P/VC:H/VI:N/VA:H/SC:H/SI:L/SA:H/E:A/CR:L/AR:L/MAV:L/MPR:L/MSI:H", 4.8),
      ("CVSS:4.0/AV:A/AC:H/AT:N/PR:L/UI:A/VC:L/VI:H/VA:L/SC:L/SI:H/SA:H/AR:X/MAV:N/MVC:L/MSI:S/MSA:N", 8.4),
      ("CVSS:4.0/AV:A/AC:L/AT:N/PR:L/UI:N/VC:N/VI:N/VA:N/SC:H/SI:N/SA:N", 6.1),
      ("CVSS:4.0/AV:A/AC:H/AT:P/PR:N/UI:N/VC:L/VI:H/VA:N/SC:L/SI:H/SA:L", 7.2),
      ("CVSS:4.0/AV:N/AC:H/AT:P/PR:L/UI:A/VC:L/VI:H/VA:N/SC:N/SI:H/SA:L", 6.9),
      ("CVSS:4.0/AV:L/AC:L/AT:P/PR:H/UI:A/VC:H/VI:L/VA:L/SC:N/SI:N/SA:L/IR:L/AR:H/MAV:X/MPR:L/MVC:N/MSA:H", 1.8),
      ("CVSS:4.0/AV:N/AC:L/AT:P/PR:H/UI:A/VC:N/VI:H/VA:N/SC:H/SI:N/SA:N/AR:H/MAV:N/MPR:L/MVC:N/MSI:L", 6.9),
      ("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:N/VI:H/VA:H/SC:N/SI:L/SA:N/CR:M/AR:M/MPR:H/MVC:H/MSI:S/MSA:L", 9.3),
      ("CVSS:4.0/AV:L/AC:H/AT:P/PR:H/UI:P/VC:H/VI:L/VA:L/SC:H/SI:N/SA:L/E:X/AR:M/MAV:X/MPR:L/MVC:L/MSA:N", 1.8),
      ("CVSS:4.0/AV:A/AC:H/AT:P/PR:H/UI:P/VC:L/VI:H/VA:H/SC:L/SI:H/SA:N", 5.8),
      ("CVSS:4.0/AV:N/AC:H/AT:N/PR:L/UI:P/VC:N/VI:N/VA:L/SC:N/SI:N/SA:H", 4.6),
      ("CVSS:4.0/AV:N/AC:L/AT:P/PR:L/UI:A/VC:N/VI:H/VA:H/SC:L/SI:N/SA:H/MAV:P/MPR:N/MVC:H/MSA:S", 8.5),
      ("CVSS:4.0/AV:A/AC:H/AT:N/PR:L/UI:N/VC:N/VI:N/VA:N/SC:N/SI:L/SA:L/IR:M/MPR:H/MVC:N", 2.0),
      ("CVSS:4.0/AV:L/AC:H/AT:P/PR:H/UI:P/VC:H/VI:N/VA:N/SC:H/SI:L/SA:L/E:P/CR:L/IR:H/AR:X/MSI:L/MSA:X", 1.6),
      ("CVSS:4.0/AV:P/AC:L/AT:P/PR:H/UI:P/VC:H/VI:N/VA:L/SC:N/SI:H/SA:L/E:P/CR:M/AR:M/MVC:X/MSA:X", 1.5),
      ("CVSS:4.0/AV:P/AC:H/AT:N/PR:H/UI:N/VC:N/VI:L/VA:L/SC:L/SI:N/SA:N/CR:X/AR:H/MPR:L/MVC:L/MSI:S/MSA:S", 5.1),
      ("CVSS:4.0/AV:A/AC:H/AT:P/PR:H/UI:P/VC:N/VI:N/VA:H/SC:H/SI:H/SA:H/E:U/CR:M/AR:H/MSI:L/MSA:N", 1.4),
      ("CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:A/VC:N/VI:N/VA:H/SC:H/SI:H/SA:L", 7.0),
      ("CVSS:4.0/AV:L/AC:H/AT:N/PR:H/UI:N/VC:L/VI:H/VA:L/SC:N/SI:N/SA:N/AR:L/MSA:H", 6.8),
      ("CVSS:4.0/AV:P/AC:H/AT:N/PR:N/UI:P/VC:H/VI:N/VA:L/SC:L/SI:N/SA:H", 5.7),
      ("CVSS:4.0/AV:P/AC:L/AT:P/PR:H/UI:A/VC:H/VI:H/VA:H/SC:N/SI:L/SA:H/E:P/IR:X/MSI:X", 5.6),
      ("CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:L/VI:N/VA:H/SC:L/SI:H/SA:N/IR:H/MVC:L", 5.7),
      ("CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:N/VC:L/VI:H/VA:H/SC:L/SI:H/SA:N/CR:M/MAV:A/MPR:L/MSI:L", 7.0),
      ("CVSS:4.0/AV:A/AC:H/AT:P/PR:N/UI:P/VC:N/VI:L/VA:N/SC:N/SI:L/SA:H/CR:X/IR:X/AR:H/MAV:X/MSI:L/MSA:X", 4.8),
      ("CVSS:4.0/AV:A/AC:L/AT:P/PR:L/UI:A/VC:L/VI:L/VA:H/SC:H/SI:N/SA:H/E:X/CR:H/AR:X/MAV:P/MPR:H/MSA:X", 5.9),
      ("CVSS:4.0/AV:N/AC:H/AT:P/PR:H/UI:A/VC:H/VI:H/VA:H/SC:N/SI:L/SA:L/CR:H/MAV:N/MVC:H", 7.1),
      ("CVSS:4.0/AV:N/AC:H/AT:N/PR:N/UI:A/VC:L/VI:N/VA:H/SC:N/SI:H/SA:H", 7.1),
      ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:H/VA:H/SC:L/SI:H/SA:L/E:U/CR:M/AR:M/MAV:N/MPR:L/MSI:H/MSA:X", 5.6),
    ] as [(String, Double)])
  func `of version 4 scores as its calculator does`(vector: String, score: Double) {
    #expect(CVSS.rating(vector)?.score == score)
  }

  @Test(
    arguments: [
      "CVSS:4.0/AV:N", "CVSS:4.0/AV:Z/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", "CVSS:5.0/AV:N", "", "high",
      "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:S/SA:H",
      "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/MSC:S",
    ])
  func `that is broken has no score`(vector: String) { #expect(CVSS.rating(vector) == nil) }

  @Test(
    arguments: [
      ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8), ("CVSS:3.0/AV:L/AC:H/PR:H/UI:R/S:C/C:L/I:N/A:N", 2.3),
      ("AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5),
    ] as [(String, Double)])
  func `of versions 2 and 3 scores as ever`(vector: String, score: Double) {
    #expect(CVSS.rating(vector)?.score == score)
  }
}
