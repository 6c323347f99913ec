extension AuditEntry {
  /// Everything that a record can be of, as docs/access.md tells it. How long each is kept can be set by name, so that none may
  /// be unknown.
  public static let kinds: Set<String> = [
    "login", "login.device", "logout", "token.exchange", "refusal",
    "pull", "push", "delete", "tag.move", "tag.restore", "label.set", "rule.set", "rule.delete",
    "environment.create", "environment.change", "environment.delete",
    "release.request", "release.approve", "release.withdraw", "release.reject", "release.cancel", "release.promote",
    "release.rollback",
    "team.create", "team.change", "team.delete", "team.member.add", "team.member.remove",
    "user.create", "user.change", "user.delete", "namespace.create", "namespace.change", "namespace.delete",
    "grant.create", "grant.delete", "robot.create", "robot.delete", "token.create", "token.revoke",
    "trust.create", "trust.delete", "certificate.add", "certificate.remove", "key.rotate",
    "advisories.import", "advisories.refresh", "advisories.remove", "advisories.rematch",
    "exception.create", "exception.end", "exception.expiring", "vex.set", "vex.delete", "policy.warning",
    "audit.lost",
  ]

  /// The kinds that are meant by the name of one, or of a family: `user.*`. None: it means nothing.
  public static func kinds(named name: String) -> Set<String> {
    guard name.hasSuffix(".*") else { return kinds.contains(name) ? [name] : [] }
    return kinds.filter { $0.hasPrefix(name.dropLast()) }
  }
}
