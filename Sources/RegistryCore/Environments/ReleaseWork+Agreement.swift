internal import Access
internal import Metadata
internal import OCI

// What others than the one who asks do: agree, or end it.
extension ReleaseWork {
  func requireApprover() throws {
    guard isApprover else {
      let who = settings.approvers.isEmpty ? "people who are maintainers" : settings.approvers.joined(separator: ", ")
      throw AdministrationError(.denied, "\(who) may agree to releases to \(name)")
    }
  }

  /// Notes that the actor agrees, and carries the release out when enough have: those who still may, of as many as are needed now.
  ///
  /// - Precondition: the actor may agree.
  func approve(
    _ release: ReleaseRecord, comment: String?, _ transaction: borrowing Transaction
  ) throws -> ReleaseState {
    guard release.requestedBy != actor.origin.actor else {
      throw AdministrationError(.denied, "somebody else than \(release.requestedBy) must agree, who asked for it")
    }
    guard release.requestedRules.isDisjoint(with: actor.rules) else {
      throw AdministrationError(.denied, "a job of the same trust rule asked for it; somebody else must agree")
    }
    let shared = release.behind.intersection(actor.behind)
    guard shared.isEmpty else {
      let who = shared.sorted().joined(separator: ", ")
      throw AdministrationError(
        .denied,
        "\(who) made the robot or its token by which this was asked for or is agreed to; somebody else must agree")
    }
    let before = try transaction.approvals(of: release.id)
    let hasAgreed = before.contains { $0.actor == actor.origin.actor }
    guard release.state == .pending else {
      // Run again because the answer was lost, or said once more: it is said.
      if hasAgreed { return try state(of: release, transaction) }
      throw AdministrationError(.conflict, "release \(release.number) of \(name) is \(release.state.rawValue) already")
    }
    let images = try transaction.images(of: release.id)
    try requireCover(of: images)
    if !hasAgreed {
      try transaction.approve(
        release.id, by: actor.origin.actor, rules: actor.rules, makers: actor.makers, comment: comment)
      try record("release.approve", release, images, transaction)
    }
    // Who has lost the right since has not agreed; the number is that of now.
    let agreement = Agreement(asked: actor, by: settings.approvers)
    let others = try before.filter { $0.actor != actor.origin.actor }
      .filter { try agreement.stillCounts($0, transaction) }
    if Agreement.count(others.map(\.behind) + [actor.behind]) >= settings.approvals {
      let current = try stillRight(release, images, transaction)
      try requireCover(of: current.images)
      try transaction.setWarnings(current.warnings, of: release.id)
      try carryOut(release, current.images, transaction)
      try record(current.warnings, of: release, transaction)
    }
    return try state(of: try self.release(release.number, transaction), transaction)
  }

  /// What a release that waited changes now; every rule is asked again.
  private func stillRight(
    _ release: ReleaseRecord, _ images: [ReleaseImage], _ transaction: borrowing Transaction
  ) throws -> Change {
    if release.kind == .rollback {
      return Change(images: try rollback(to: try goal(release.goal, transaction), transaction))
    }
    try transaction.lockRepositories(images.map(\.repository.id))
    var failures: [ReleaseFailure] = []
    var found: [(RepositoryRow, String, Digest)] = []
    for image in images {
      guard let digest = image.to,
        try transaction.manifest(.digest(digest), in: image.repository.name, known: digest) != nil
      else {
        failures.append(
          ReleaseFailure(rule: "exists", image: image.source, "\(image.source) was deleted since it was asked for"))
        continue
      }
      found.append((image.repository, image.source, digest))
    }
    return try checked(found, failures, transaction)
  }

  /// Takes back that the actor agrees; also when they have lost the right, which may come back and their word with it.
  func withdraw(_ release: ReleaseRecord, _ transaction: borrowing Transaction) throws -> ReleaseState {
    let images = try transaction.images(of: release.id)
    try requireCover(of: images)
    let hasAgreed = try transaction.approvals(of: release.id).contains { $0.actor == actor.origin.actor }
    // Run again because the answer was lost, or said once more: it is taken back.
    guard hasAgreed else { return try state(of: release, transaction) }
    guard release.state == .pending else {
      throw AdministrationError(.conflict, "release \(release.number) of \(name) is \(release.state.rawValue) already")
    }
    if try transaction.withdrawApproval(of: release.id, by: actor.origin.actor) {
      try record("release.withdraw", release, images, transaction)
    }
    return try state(of: release, transaction)
  }

  func end(_ release: ReleaseRecord, _ transaction: borrowing Transaction) throws -> ReleaseState {
    let isOwn = release.requestedBy == actor.origin.actor
    guard isOwn || isApprover else {
      throw AdministrationError(.denied, "who asked for it, and who may agree, may end a release")
    }
    try requireCover(of: try transaction.images(of: release.id))
    let wanted: ReleaseRecord.State = isOwn ? .cancelled : .rejected
    guard release.state != wanted else { return try state(of: release, transaction) }
    guard try transaction.endRelease(release.id, as: wanted) else {
      throw AdministrationError(.conflict, "release \(release.number) of \(name) is \(release.state.rawValue) already")
    }
    try record(
      isOwn ? "release.cancel" : "release.reject", release, try transaction.images(of: release.id), transaction)
    return try state(of: try self.release(release.number, transaction), transaction)
  }
}
