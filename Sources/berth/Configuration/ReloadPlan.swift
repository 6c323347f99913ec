/// What a changed configuration means for a server that is running.
struct ReloadPlan: Sendable, Equatable {
  struct Change: Sendable, Equatable {
    let path: String
    /// As in `berth config show`; secrets masked.
    let before: String
    let after: String
  }

  /// Changes that take effect now.
  let live: [Change]
  /// Changes that wait for a restart.
  let restart: [Change]
  /// The settings to run with from now on: the new values of `live`, the old ones of `restart`.
  let effective: Settings

  init(from old: Settings, to new: Settings, table: SettingTable = .standard) {
    var effective = old
    var live: [Change] = []
    var restart: [Change] = []
    for definition in table.definitions where !definition.isEqual(old, new) {
      let change = Change(
        path: definition.path, before: YAMLText.value(definition.shown(old)),
        after: YAMLText.value(definition.shown(new)))
      switch definition.reload {
      case .live:
        live.append(change)
        definition.copy(from: new, to: &effective)
      case .restart: restart.append(change)
      }
    }
    (self.live, self.restart, self.effective) = (live, restart, effective)
  }
}
