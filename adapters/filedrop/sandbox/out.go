package sandbox

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
)

// archivedIn reads the files of changes for the ids of what is archived.
func archivedIn(folder, kind string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(folder, kind+"-*.csv"))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, name := range names {
		in, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		r := csv.NewReader(in)
		r.Comma = ';'
		lines, err := r.ReadAll()
		_ = in.Close()
		if err != nil {
			return nil, err
		}
		id, what := slices.Index(lines[0], "_id"), slices.Index(lines[0], "_operation")
		for _, line := range lines[1:] {
			if line[what] == "archive" {
				ids = append(ids, line[id])
			}
		}
	}
	return ids, nil
}
