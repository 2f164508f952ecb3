// Package converge is the proof that the systems which hold a record come to agree, whatever happens on the way.
//
// It is tests alone. The simulator (TestConvergence) drives the decision core as it is, from receipts to pushes, over
// facts in memory: transactions that commit or roll back at once, a queue, a clock of its own, and vendors who do what
// vendors do at the worst moment. Jobs are coroutines that stop before and after each transaction and each call, so that
// anything may happen there: another job's step, an edit, a crash of the process. What happens is drawn by rapid, so
// that a failure shrinks, and is told as a story. Vendors know what their own people typed, and when; the laws are
// checked against that, and against a second reading of the policy's modes, so that no error of the core hides itself.
//
// The laws at rest: every target holds what the policy says; nothing is owed; another round of echoes changes nothing;
// each record is what its views say; nothing is there twice, and ids answer for ever.
//
// TestConvergenceFindsMutants breaks the core one rule at a time and expects the simulator to find each.
// TestConvergenceOnTheStore runs the same laws over the real store, with two hubs on one database.
package converge
