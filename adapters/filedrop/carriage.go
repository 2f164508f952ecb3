package filedrop

import (
	"slices"

	"github.com/canonhub/canonhub/adapters"
)

// declare says what a connection with these options carries.
func declare(s adapters.Settings) ([]adapters.Carriage, error) {
	set, err := compile(s)
	if err != nil {
		return nil, err
	}
	all := make([]adapters.Carriage, len(set.names))
	for i, kind := range set.names {
		all[i] = set.kinds[kind].carriage(len(s.WebhookSecrets) > 0)
	}
	return all, nil
}

func (m *mapping) carriage(posted bool) adapters.Carriage {
	c := adapters.Carriage{Kind: m.kind, Lacks: map[adapters.Ability]string{
		adapters.Merges:  "A file says that a row is gone, and not where it went.",
		adapters.Counts:  "A file does not tell how many rows it has before it is read.",
		adapters.Fetches: "A file is read from its beginning; nobody can be asked for one row of it.",
	}}
	for _, a := range m.attributes {
		c.In = append(c.In, a.path)
	}
	posted = posted && m.reads()
	if !posted {
		c.Lacks[adapters.Webhooks] = "Files are posted where the connection has a webhook secret, and options that say how they are read."
	}
	if !posted || m.deleted == nil {
		c.Lacks[adapters.DeleteWebhooks] = "A posted row tells of a delete where the option deleted says how."
	}
	if m.pulls() {
		c.Pull = adapters.Pull{MaxPage: maxPage, Changes: true, Once: true, Deletes: m.deleted != nil || m.deletes}
	} else {
		c.Lacks[adapters.Pulls] = "The options do not say how files are read."
		c.Lacks[adapters.PullsChanges] = c.Lacks[adapters.Pulls]
	}
	if !c.Pull.Deletes {
		c.Lacks[adapters.PullsDeletes] = "A file tells of deletes where the option deleted says how, or vanished: delete."
	}
	m.written(&c)
	return c
}

func (m *mapping) written(c *adapters.Carriage) {
	if m.out == nil {
		for _, a := range []adapters.Ability{adapters.Updates, adapters.Creates, adapters.Archives} {
			c.Lacks[a] = "The options have no out, which says what is written."
		}
		return
	}
	c.Out, c.Create, c.Archive = slices.Clone(m.out.paths), true, true
}
