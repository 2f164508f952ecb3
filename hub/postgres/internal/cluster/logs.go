package cluster

import (
	"os"
	"path/filepath"
	"strings"
)

const (
	logDirectory = "log"
	// keptLogs of logSize each bound what the server's log takes.
	keptLogs = 5
	logSize  = "10MB"
)

// logParameters have the server write its own log: it outlives the hub, so that a pipe to the hub would break.
func logParameters() map[string]string {
	return map[string]string{
		"logging_collector":        "on",
		"log_destination":          "stderr",
		"log_directory":            logDirectory,
		"log_filename":             "postgresql-%Y%m%d-%H%M%S.log",
		"log_rotation_age":         "0",
		"log_rotation_size":        logSize,
		"log_truncate_on_rotation": "off",
		"log_statement":            "none",
	}
}

// pruneLogs removes all but the newest logs: PostgreSQL itself starts new files and removes none.
func (s *Server) pruneLogs() {
	files := s.logFiles()
	for _, old := range files[:max(0, len(files)-keptLogs)] {
		_ = os.Remove(old)
	}
}

// logFiles are the server's logs, oldest first.
func (s *Server) logFiles() []string {
	entries, _ := os.ReadDir(s.place.logs()) // sorted by name, which is the time
	var files []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "postgresql-") {
			files = append(files, filepath.Join(s.place.logs(), e.Name()))
		}
	}
	return files
}

// lastWords are the last lines that the server wrote: into its log if it got that far.
func (s *Server) lastWords() string {
	early, _ := os.ReadFile(s.place.startLog())
	said := string(early)
	if files := s.logFiles(); len(files) > 0 && strings.Contains(said, "logging collector") {
		late, _ := os.ReadFile(files[len(files)-1])
		said += string(late)
	}
	return lastLines(said)
}

// lastLines are the last few lines of a program's output, on one line.
func lastLines(text string) string {
	const enough = 5
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
	return strings.Join(lines[max(0, len(lines)-enough):], " | ")
}
