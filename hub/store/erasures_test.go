package store_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// What becomes of each column when a record is erased: rows or values go where they tell of the record, its objects, or of
// those that speak of them; what stays holds ids of ours, times, states, names of attributes and of who works here.
var (
	erasedColumns = map[string]string{
		"attempts":            "external_id request sent error",
		"audit":               "detail",
		"changes":             "message",
		"dead_letters":        "reason closed_why",
		"deliveries":          "reason",
		"gone_objects":        "connection kind external_id gone_at noted_at",
		"links":               "connection kind external_id record_id state is_primary epoch read_began gone_at created_at born_on archived",
		"match_keys":          "kind attribute value record_id",
		"pull_findings":       "id connection kind run_id finding external_id record_id paths repaired found_at",
		"pull_seen":           "connection kind external_id run_id",
		"orphans":             "kind attribute value connection external_id receipt_id",
		"promoted_attributes": "kind attribute value record_id",
		"receipt_keys":        "connection event_key received_at",
		"receipts":            "event_key body",
		"records":             "message provenance",
		"requests":            "request_id fingerprint answer",
		"review_records":      "record_id review_id",
		"reviews":             "external_id subject detail closed_why",
		"river_job":           "errors",
		"unlinked":            "connection kind external_id record_id at",
		"views":               "record_id source external_id state raw mapping_version updated_at refers",
	}
	keptColumns = map[string]string{
		"attempts":          "id record_id connection kind revision idempotency_key paths sent_after state sends started_at settled_at archive",
		"audit":             "id at action correlation_id connection record_id receipt_id actor",
		"brake_counts":      "connection kind attribute window_start records",
		"brake_marks":       "window_start connection kind attribute record_id",
		"brakes":            "connection kind attribute window_size braked_at passes_until counts_since",
		"changes":           "record_id revision kind paths source correlation_id changed_at seq placeholder created_at deleted_at merged_into",
		"change_log":        "one feed cut",
		"connections":       "name adapter credential_fingerprint paused_at paused_reason blocked_until paused_by probed_at pace pace_at outages broken_at broken_until calls_day calls sequence",
		"connection_shares": "connection process joined_at expires_at",
		"credentials":       "connection name version sealed created_at created_by valid_until retired_at retired_by", // of accounts, and of who works here
		"dead_letters":      "id subject connection receipt_id record_id category attempts correlation_id created_at redrives closed_at closed_how closed_by",
		"deliveries":        "record_id connection kind state revision correlation_id traceparent updated_at braked waits_for",
		"drift":             "connection kind change path detail seen first_seen last_seen",
		"drift_shapes":      "connection kind op shape updated_at", // names and types of fields, no values
		"erasure_salt":      "one salt",
		"erasures":          "object_sha256 kind connection record_id erased_at erased_by",
		"merges":            "id merged survivor was_placeholder was_creator was_deleted_at merged_at undone_at",
		"oauth_states":      "state_sha256 connection sealed created_by created_at", // of who works here
		"oauth_tokens":      "connection version sealed expires_at obtained_at obtained_by lease_by lease_until refused_at refusal",
		"policies":          "version sha256 config activated_at activated_by comment repeats file lines",
		"pulls": "connection kind mode last_mode run_id step report_only vanishing let_vanish cursor since started_at paged_at objects total changed missing_here missing_there " +
			"differing rejected asked_by asked_why wanted wanted_report wanted_vanish wanted_by wanted_why resume_cursor watermark backfilled_at pulled_at reconciled_at " +
			"failures failure failed_at next_at",
		"receipt_objects":    "receipt_id object_sha256", // salted, and only while the receipt is not emptied
		"receipts":           "id connection type occurred_at correlation_id traceparent state outcome received_at finished_at origin",
		"records":            "id kind revision policy_version creator placeholder created_at updated_at deleted_at merged_into archive erased_at erased_by",
		"requests":           "caller record_id created_at",
		"reviews":            "id kind reason connection record_ids receipt_id correlation_id opened_at closed_at path about closed_by resolution",
		"river_job":          "id state attempt max_attempts attempted_at created_at finalized_at scheduled_at priority args attempted_by kind metadata queue tags unique_key unique_states",
		"river_leader":       "elected_at expires_at leader_id name",
		"river_migration":    "line version created_at",
		"river_notification": "id created_at payload topic",
		"river_queue":        "name created_at metadata paused_at updated_at",
		"goose_db_version":   "id version_id is_applied tstamp",
	}
)

// A column that is new has to be decided over, here and in Erase or EraseTraces.
func TestErasureDecidesOverEveryColumn(t *testing.T) {
	t.Parallel()
	db := setup(t, nil)
	rows, err := db.Pool().Query(t.Context(), `select c.oid::regclass::text || '.' || a.attname from pg_class c
		join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
		where c.relkind in ('r', 'p', 'm') and n.nspname not like 'pg\_%' and n.nspname <> 'information_schema' and a.attnum > 0 and not a.attisdropped`)
	must(t, err)
	there, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	var decided []string
	for _, columns := range []map[string]string{erasedColumns, keptColumns} {
		for table, names := range columns {
			for name := range strings.FieldsSeq(names) {
				decided = append(decided, table+"."+name)
			}
		}
	}
	slices.Sort(decided)
	for _, column := range there {
		if _, is := slices.BinarySearch(decided, column); !is {
			t.Errorf("nobody has decided what becomes of %s when a record is erased", column)
		}
	}
	for i, column := range decided {
		if !slices.Contains(there, column) || i > 0 && decided[i-1] == column {
			t.Errorf("%s is decided over twice, or is not there any more", column)
		}
	}
}
