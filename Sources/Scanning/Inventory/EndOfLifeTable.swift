/// The dates on which distributions end the support of their releases, as they have announced them. Taken down in November
/// 2026; a date may be moved. A release that is not here is unknown, not ended.
enum EndOfLifeTable {
  /// The last day of support for everybody, and of what a further programme gives.
  struct Dates: Sendable {
    let end: CalendarDay
    let extended: CalendarDay?

    /// Days as numbers: `2026_07_11`.
    init(_ end: Int, _ extended: Int? = nil) {
      self.end = Self.day(end)
      self.extended = extended.map { Self.day($0) }
    }

    private static func day(_ number: Int) -> CalendarDay {
      CalendarDay(year: number / 10_000, month: number / 100 % 100, day: number % 100)
    }
  }

  struct Family: Sendable {
    /// `ID` of `os-release`.
    let ids: Set<String>
    /// How many numbers of the version name a release.
    let numbers: Int
    /// Of the second date, where there is one.
    let programme: String?
    let releases: [String: Dates]

    init(_ ids: Set<String>, numbers: Int, programme: String? = nil, _ releases: [String: Dates]) {
      self.ids = ids
      self.numbers = numbers
      self.programme = programme
      self.releases = releases
    }

    func release(_ distribution: Distribution) -> String? {
      let parts = distribution.release.split(separator: ".").prefix(numbers)
      return parts.isEmpty ? nil : parts.joined(separator: ".")
    }
  }

  static let families = [
    debian, ubuntu, alpine, redHat, almaLinux, rocky, centOS, oracle, fedora, suse, openSUSE, amazon, azure, photon,
  ]

  /// Source: debian.org/releases; wiki.debian.org/LTS.
  private static let debian = Family(
    ["debian"], numbers: 1, programme: "Debian LTS",
    [
      "7": Dates(2016_04_25, 2018_05_31), "8": Dates(2018_06_17, 2020_06_30), "9": Dates(2020_07_18, 2022_06_30),
      "10": Dates(2022_09_10, 2024_06_30), "11": Dates(2024_08_14, 2026_08_31), "12": Dates(2026_07_11, 2028_06_30),
      "13": Dates(2028_08_09, 2030_06_30),
    ])

  /// Source: ubuntu.com/about/release-cycle; wiki.ubuntu.com/Releases.
  private static let ubuntu = Family(
    ["ubuntu"], numbers: 2, programme: "Ubuntu Pro",
    [
      "12.04": Dates(2017_04_28, 2019_04_26), "14.04": Dates(2019_04_25, 2024_04_25),
      "16.04": Dates(2021_04_30, 2026_04_23), "16.10": Dates(2017_07_20), "17.04": Dates(2018_01_13),
      "17.10": Dates(2018_07_19), "18.04": Dates(2023_05_31, 2028_04_26), "18.10": Dates(2019_07_18),
      "19.04": Dates(2020_01_23), "19.10": Dates(2020_07_17), "20.04": Dates(2025_05_29, 2030_04_23),
      "20.10": Dates(2021_07_22), "21.04": Dates(2022_01_20), "21.10": Dates(2022_07_14),
      "22.04": Dates(2027_06_01, 2032_04_21), "22.10": Dates(2023_07_20), "23.04": Dates(2024_01_25),
      "23.10": Dates(2024_07_11), "24.04": Dates(2029_05_31, 2034_04_25), "24.10": Dates(2025_07_10),
      "25.04": Dates(2026_01_15), "25.10": Dates(2026_07_09), "26.04": Dates(2031_05_29, 2036_04_23),
    ])

  /// Source: alpinelinux.org/releases.
  private static let alpine = Family(
    ["alpine"], numbers: 2,
    [
      "3.0": Dates(2016_05_01), "3.1": Dates(2016_11_01), "3.2": Dates(2017_05_01), "3.3": Dates(2017_11_01),
      "3.4": Dates(2018_05_01), "3.5": Dates(2018_11_01), "3.6": Dates(2019_05_01), "3.7": Dates(2019_11_01),
      "3.8": Dates(2020_05_01), "3.9": Dates(2020_11_01), "3.10": Dates(2021_05_01), "3.11": Dates(2021_11_01),
      "3.12": Dates(2022_05_01), "3.13": Dates(2022_11_01), "3.14": Dates(2023_05_01), "3.15": Dates(2023_11_01),
      "3.16": Dates(2024_05_23), "3.17": Dates(2024_11_22), "3.18": Dates(2025_05_09), "3.19": Dates(2025_11_01),
      "3.20": Dates(2026_04_01), "3.21": Dates(2026_11_01), "3.22": Dates(2027_05_01), "3.23": Dates(2027_11_01),
    ])

  /// Source: access.redhat.com/support/policy/updates/errata; end of maintenance.
  private static let redHat = Family(
    ["rhel"], numbers: 1, programme: "Extended Life Cycle Support",
    [
      "5": Dates(2017_03_31, 2020_11_30), "6": Dates(2020_11_30, 2024_06_30), "7": Dates(2024_06_30, 2028_06_30),
      "8": Dates(2029_05_31, 2032_05_31), "9": Dates(2032_05_31, 2035_05_31), "10": Dates(2035_05_31, 2038_05_31),
    ])

  /// Source: wiki.almalinux.org/release-notes.
  private static let almaLinux = Family(
    ["almalinux"], numbers: 1, ["8": Dates(2029_03_01), "9": Dates(2032_05_31), "10": Dates(2035_05_31)])

  /// Source: wiki.rockylinux.org/rocky/version.
  private static let rocky = Family(
    ["rocky"], numbers: 1, ["8": Dates(2029_05_31), "9": Dates(2032_05_31), "10": Dates(2035_05_31)])

  /// CentOS Linux to 8, and CentOS Stream from 9 on; of Stream 8 the version alone does not tell.
  ///
  /// Source: centos.org/centos-linux-eol; centos.org/cl-vs-cs.
  private static let centOS = Family(
    ["centos"], numbers: 1,
    [
      "5": Dates(2017_03_31), "6": Dates(2020_11_30), "7": Dates(2024_06_30), "8": Dates(2021_12_31),
      "9": Dates(2027_05_31), "10": Dates(2030_01_01),
    ])

  /// Source: oracle.com/a/ocom/docs/elsp-lifetime-069338.pdf.
  private static let oracle = Family(
    ["ol"], numbers: 1, programme: "Oracle's Extended Support",
    [
      "6": Dates(2021_03_31, 2024_12_31), "7": Dates(2024_12_31, 2028_06_30), "8": Dates(2029_07_31, 2032_07_31),
      "9": Dates(2032_06_30, 2034_06_30),
    ])

  /// Source: docs.fedoraproject.org/en-US/releases/eol; fedorapeople.org/groups/schedule.
  private static let fedora = Family(
    ["fedora"], numbers: 1,
    [
      "30": Dates(2020_05_26), "31": Dates(2020_11_24), "32": Dates(2021_05_25), "33": Dates(2021_11_30),
      "34": Dates(2022_06_07), "35": Dates(2022_12_13), "36": Dates(2023_05_16), "37": Dates(2023_12_05),
      "38": Dates(2024_05_21), "39": Dates(2024_11_26), "40": Dates(2025_05_13), "41": Dates(2025_12_15),
      "42": Dates(2026_05_13), "43": Dates(2026_12_09), "44": Dates(2027_06_02),
    ])

  /// Source: suse.com/lifecycle.
  private static let suse = Family(
    ["sles", "sled", "sles_sap", "sle_hpc"], numbers: 2, programme: "Long Term Service Pack Support",
    [
      "11.4": Dates(2019_03_31, 2022_03_31), "12": Dates(2016_06_30, 2019_07_01), "12.1": Dates(2017_05_31, 2020_05_31),
      "12.2": Dates(2018_03_31, 2021_03_31), "12.3": Dates(2019_06_30, 2022_06_30),
      "12.4": Dates(2020_06_30, 2023_06_30),
      "12.5": Dates(2024_10_31, 2027_10_31), "15": Dates(2019_12_31, 2022_12_31), "15.1": Dates(2021_01_31, 2024_01_31),
      "15.2": Dates(2021_12_31, 2024_12_31), "15.3": Dates(2022_12_31, 2025_12_31),
      "15.4": Dates(2023_12_31, 2026_12_31),
      "15.5": Dates(2024_12_31, 2027_12_31), "15.6": Dates(2025_12_31, 2028_12_31),
      "15.7": Dates(2031_07_31, 2034_07_31),
    ])

  /// Source: en.opensuse.org/Lifetime.
  private static let openSUSE = Family(
    ["opensuse-leap"], numbers: 2,
    [
      "42.1": Dates(2017_05_17), "42.2": Dates(2018_01_26), "42.3": Dates(2019_07_01), "15.0": Dates(2019_12_03),
      "15.1": Dates(2021_02_02), "15.2": Dates(2022_01_04), "15.3": Dates(2022_12_31), "15.4": Dates(2023_12_07),
      "15.5": Dates(2024_12_31), "15.6": Dates(2026_04_30), "16.0": Dates(2027_10_31),
    ])

  /// Source: docs.aws.amazon.com/linux/al2023/ug/release-cadence.html; aws.amazon.com/amazon-linux-2/faqs.
  private static let amazon = Family(
    ["amzn"], numbers: 1, ["2018": Dates(2023_12_31), "2": Dates(2026_06_30), "2023": Dates(2029_06_30)])

  /// Source: learn.microsoft.com/azure/azure-linux/release-cadence-lifecycle.
  private static let azure = Family(
    ["azurelinux", "mariner"], numbers: 1, ["1": Dates(2023_08_31), "2": Dates(2025_07_31), "3": Dates(2027_08_31)])

  /// Source: blogs.vmware.com, "Photon 1.x End of Support Announcement", "Announcing Photon OS 5.0 General Availability"; for 4.0 as
  /// its makers moved it in November 2025.
  private static let photon = Family(
    ["photon"], numbers: 2,
    ["1.0": Dates(2022_02_28), "2.0": Dates(2022_12_31), "3.0": Dates(2024_03_01), "4.0": Dates(2027_10_11)])
}
