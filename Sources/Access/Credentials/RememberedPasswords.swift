import Ground
import Metadata

/// Which passwords were right lately, and from where they were shown.
final class RememberedPasswords: Sendable {
  /// For how long a password that was right is not computed again; a change of it ends this at once.
  static let lifetime: Duration = .seconds(300)

  struct Entry: Sendable {
    let account: AccountID
    let epoch: Int64
    let until: Int64
  }

  private struct Place: Hashable {
    let password: [UInt8]
    let address: String
  }

  private let time: any TimeSource
  private let entries = BoundedCache<[UInt8], Entry>(costLimit: Authenticator.rememberedLimit)
  /// Until when. Who shows a password from ever new places, as anybody with an IPv6 network may, pushes out places, and no
  /// passwords.
  private let places = BoundedCache<Place, Int64>(costLimit: Authenticator.rememberedLimit)

  init(time: any TimeSource) { self.time = time }

  func entry(_ password: [UInt8]) -> Entry? {
    entries.value(for: password).flatMap { $0.until > time.monotonicNanoseconds ? $0 : nil }
  }

  /// Whether it was shown from there since it was computed: the first time from each address is a login of its own.
  func isKnown(_ password: [UInt8], from address: String) -> Bool {
    (places.value(for: Place(password: password, address: address)) ?? .min) > time.monotonicNanoseconds
  }

  /// Remembers one that was right just now.
  func remember(_ password: [UInt8], of account: AccountRecord) -> Entry {
    let until = time.monotonicNanoseconds + Self.lifetime.wholeMicroseconds * 1000
    let entry = Entry(account: account.id, epoch: account.epoch, until: until)
    entries.insert(entry, for: password, cost: 1)
    return entry
  }

  /// Remembers from where it was shown, as long as the password.
  func remember(_ password: [UInt8], _ entry: Entry, from address: String) {
    places.insert(entry.until, for: Place(password: password, address: address), cost: 1)
  }
}
