package filedrop

// options are a connection's own; README.md says what they mean.
type options struct {
	Folder string                 `json:"folder"`
	Settle string                 `json:"settle"`
	Kinds  map[string]kindOptions `json:"kinds"`
}

// kindOptions are how files of one kind are read and written.
type kindOptions struct {
	Files       string            `json:"files"`
	Format      string            `json:"format"`
	Encoding    string            `json:"encoding"`
	Delimiter   string            `json:"delimiter"`
	Skip        int               `json:"skip"`
	Columns     []string          `json:"columns"`
	Record      string            `json:"record"`
	Lists       []string          `json:"lists"`
	Decimal     string            `json:"decimal"`
	TimeZone    string            `json:"time_zone"`
	Content     string            `json:"content"`
	Vanished    string            `json:"vanished"`
	MaxVanished *float64          `json:"max_vanished"`
	ID          string            `json:"id"`
	RecordID    string            `json:"record_id"`
	Version     string            `json:"version"`
	Time        string            `json:"time"`
	Deleted     string            `json:"deleted"`
	Attributes  map[string]string `json:"attributes"`
	Unused      []string          `json:"unused"`
	Out         *outOptions       `json:"out"`
}

// outOptions are how files for the other side are written.
type outOptions struct {
	Content   string      `json:"content"`
	Every     string      `json:"every"`
	Encoding  string      `json:"encoding"`
	Delimiter string      `json:"delimiter"`
	Decimal   string      `json:"decimal"`
	TimeZone  string      `json:"time_zone"`
	Columns   []outColumn `json:"columns"`
}

// outColumn is one column of them.
type outColumn struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// What a file has: what changed, or everything there is.
const (
	changes    = "changes"
	everything = "everything"
)
