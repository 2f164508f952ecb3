package adaptertest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/canonhub/canonhub/adapters/adaptertest"
)

func TestAGoodAdapterPasses(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, toySuite(""))
}

func FuzzWebhooks(f *testing.F) { adaptertest.FuzzWebhooks(f, toySuite("")) }

func FuzzAnswers(f *testing.F) { adaptertest.FuzzAnswers(f, toySuite("")) }

// A vendor that signs no time cannot pass two checks, and says so.
func TestWhatIsWaivedIsNotJudged(t *testing.T) {
	t.Parallel()
	s := toySuite("accepts any time")
	s.Waive = map[string]string{"RefusesAnOldTime": "the toy signs no time", "RefusesAFutureTime": "the toy signs no time"}
	adaptertest.Run(t, s)
}

// Each sin is caught by the check that is there for it.
var sins = map[sin]string{
	"accepts everything":                 "RefusesATamperedBody",
	"accepts any time":                   "RefusesAnOldTime",
	"accepts the future":                 "RefusesAFutureTime",
	"knows one secret":                   "AcceptsEachOfTwoSecrets",
	"keys by delivery":                   "EventKeysAreTheSameWhenDeliveredAgain",
	"keys by type":                       "EventKeysTellEventsApart",
	"carries a path that does not exist": "CarriedPathsExist",
	"says what it does not carry":        "FetchIsASnapshot",
	"breaks":                             "TranslateSurvivesBentWebhooks",
	"drops what it does not know":        "WhatNobodyKnowsIsReported",
	"is not deterministic":               "PrepareIsPure",
	"passes over what it cannot hold":    "PrepareRefusesWhatIsNotCarried",
	"acknowledges what was sent":         "PushThenFetchGivesTheSame",
	"sets another attribute, too":        "PushSetsOneAttributeAndNoOther",
	"does not clear":                     "PushClearsOneAttributeAndNoOther",
	"clears in another form":             "PushClearsOneAttributeAndNoOther",
	"writes over what it has not seen":   "APushWritesOverNothingUnseen",
	"takes its own write for another's":  "UpdateWhoseAnswerIsLostHasTheEffectOfOne",
	"takes empty for unknown":            "APushWritesOverNothingUnseen",
	"loses case":                         "EveryLossIsDeclared",
	"hides a loss":                       "EveryLossIsDeclared",
	"leaves no record id":                "CreateLeavesOurRecordID",
	"has no idempotency":                 "CreateWhoseAnswerIsLostMakesOneObject",
	"never in doubt":                     "AFailedUpdateHasItsCategory",
	"drops Retry-After":                  "AFailedFetchHasItsCategory",
	"takes everything for transient":     "AMissingObjectIsGone",
	"tries again":                        "OneCallIsOneAttempt",
	"does not listen to its context":     "ATimeOutReturnsAtOnce",
	"quotes the answer":                  "ErrorsQuoteNothingOfTheAnswer",
	"prints a secret":                    "NothingPrintsASecret",
	"tells another secret":               "AcceptsEachOfTwoSecrets",
	"compares hex as text":               "CaseCountsUnlessTheSignatureIsHex",
	"lacks without a reason":             "WhatIsLackingIsDeclared",
	"takes any option":                   "FactoryIsComplete",
	"hears no hint":                      "HintsAreRead",
	"reads whole seconds":                "TimesAreExact",
	"forgets who lives on":               "MergesNameWhoLivesOn",
	"pages by offset":                    "NothingBetweenPagesIsLeftOut",
	"leaves changes out":                 "APullOfChangesGivesWhatChanged",
	"pulls all for changes":              "APullOfChangesGivesWhatChanged",
	"leaves deletes out":                 "APullOfChangesTellsOfDeletes",
	"skips equal times":                  "EqualTimesAcrossPagesAreNeitherSkippedNorLooped",
	"loops over equal times":             "EqualTimesAcrossPagesAreNeitherSkippedNorLooped",
	"stops early":                        "APullGivesEverything",
	"takes junk for an empty page":       "AnAnswerThatIsNoneIsAFault",
	"takes a failure for the end":        "AFailedPullHasItsCategory",
	"begins any cursor at once":          "AForeignCursorBeginsAnew",
	"says no watermark":                  "AnEmptyVendorEndsAtOnce",
	"counts to three":                    "WhatIsThereIsCounted",
	"counts what is gone":                "AFailedCountHasItsCategory",
	"archives another":                   "ArchivedIsGone",
	"takes any answer for an archive":    "AnAnswerThatIsNoneIsNoArchive",
	"takes any 404 for an archive":       "AnAnswerThatIsNoneIsAFault",
	"archives once":                      "ArchiveWhoseAnswerIsLostIsDoneOnce",
}

func TestEachSinIsCaughtByItsCheck(t *testing.T) {
	t.Parallel()
	for of, check := range sins {
		t.Run(strings.ReplaceAll(string(of), " ", "_"), func(t *testing.T) {
			t.Parallel()
			if failure := adaptertest.Failure(t, toySuite(of), check); failure == "" {
				t.Errorf("%s does not catch an adapter that %s", check, of)
			} else {
				t.Log(failure)
			}
		})
	}
}

func TestEveryCheckHasANameOfItsOwn(t *testing.T) {
	t.Parallel()
	names := slices.Sorted(slices.Values(adaptertest.Names()))
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("a name is there twice: %v", names)
	}
}
