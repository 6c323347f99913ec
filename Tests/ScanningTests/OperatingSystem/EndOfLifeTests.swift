import Testing

@testable import Scanning

@Suite("Until when a release is mended")
struct EndOfLifeTests {
  private static func day(_ number: Int) -> CalendarDay {
    CalendarDay(year: number / 10_000, month: number / 100 % 100, day: number % 100)
  }

  @Test(
    "The last day counts, and after it comes a programme or the end",
    arguments: [
      ("debian", "12", 2026_07_11, EndOfLife.Support.supported(until: day(2026_07_11))),
      ("debian", "12.5", 2026_07_12, .extended(until: day(2028_06_30), programme: "Debian LTS")),
      ("debian", "12", 2028_07_01, .ended(on: day(2026_07_11), extended: day(2028_06_30), programme: "Debian LTS")),
      ("ubuntu", "18.04", 2025_11_25, .extended(until: day(2028_04_26), programme: "Ubuntu Pro")),
      ("ubuntu", "25.10", 2026_07_10, .ended(on: day(2026_07_09))),
      ("alpine", "3.18.4", 2025_05_10, .ended(on: day(2025_05_09))),
      ("alpine", "3.2.1", 2025_05_10, .ended(on: day(2017_05_01))),
      ("alpine", "edge", 2026_01_01, .supported(until: nil)),
      ("centos", "7", 2024_07_01, .ended(on: day(2024_06_30))),
      ("rhel", "7.9", 2026_01_01, .extended(until: day(2028_06_30), programme: "Extended Life Cycle Support")),
      ("sles", "15.5", 2025_01_01, .extended(until: day(2027_12_31), programme: "Long Term Service Pack Support")),
      (
        "sles", "15", 2025_01_01,
        .ended(on: day(2019_12_31), extended: day(2022_12_31), programme: "Long Term Service Pack Support")
      ),
      ("mariner", "2.0", 2025_08_01, .ended(on: day(2025_07_31))),
      ("wolfi", "20230201", 2026_01_01, .supported(until: nil)),
      ("amzn", "2018.03", 2024_01_01, .ended(on: day(2023_12_31))), ("debian", "99", 2026_01_01, .unknown),
      ("debian", "", 2026_01_01, .unknown), ("kali", "2024.1", 2026_01_01, .unknown),
    ])
  func support(id: String, version: String, on day: Int, expected: EndOfLife.Support) {
    #expect(EndOfLife.support(of: Distribution(id: id, versionID: version), on: Self.day(day)) == expected)
  }

  @Test("What is said of it is for people, and nothing is said of a release that is mended")
  func notice() {
    var buster = Distribution(id: "debian", versionID: "10")
    buster.prettyName = "Debian GNU/Linux 10 (buster)"
    #expect(
      EndOfLife.notice(of: buster, on: Self.day(2026_01_01))
        == "Debian GNU/Linux 10 (buster) gets no updates any more: "
        + "its regular support ended on 2022-09-10, and Debian LTS on 2024-06-30"
    )
    #expect(
      EndOfLife.notice(of: Distribution(id: "alpine", versionID: "3.18.4"), on: Self.day(2026_01_01))
        == "alpine 3.18.4 gets no updates any more: its support ended on 2025-05-09")
    #expect(
      EndOfLife.notice(of: Distribution(id: "ubuntu", versionID: "18.04"), on: Self.day(2026_01_01))
        == "ubuntu 18.04 gets updates by Ubuntu Pro only, until 2028-04-26")
    #expect(EndOfLife.notice(of: Distribution(id: "debian", versionID: "13"), on: Self.day(2026_01_01)) == nil)
    #expect(EndOfLife.notice(of: Distribution(id: "kali"), on: Self.day(2026_01_01)) == nil)
  }

  @Test("Every date of the table is a day, and a programme ends after the support for everybody")
  func table() {
    for family in EndOfLifeTable.families {
      for (release, dates) in family.releases {
        for date in [dates.end, dates.extended].compactMap({ $0 }) {
          #expect(
            (2000...2040).contains(date.year) && (1...12).contains(date.month) && (1...31).contains(date.day),
            "\(release)")
        }
        if let extended = dates.extended {
          #expect(extended > dates.end, "\(release)")
          #expect(family.programme != nil)
        }
      }
    }
  }

  @Test("A package database that cannot be read is not an image without packages")
  func unreadable() {
    var layer = LayerInventory(revision: 1)
    layer.notices = [
      Notice(.unreadable, path: "var/lib/rpm/rpmdb.sqlite", detail: "rpm: it is cut off"),
      Notice(.unreadable, path: "app/package.json", detail: "node: it is no JSON"),
    ]
    #expect(ImageInventory(folding: [layer]).unreadableDatabases.map(\.path) == ["var/lib/rpm/rpmdb.sqlite"])
    var later = LayerInventory(revision: 1)
    later.whiteouts = [.init(.path, "var/lib/rpm/rpmdb.sqlite")]
    #expect(ImageInventory(folding: [layer, later]).unreadableDatabases.isEmpty)
  }
}
