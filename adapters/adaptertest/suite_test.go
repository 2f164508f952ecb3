package adaptertest_test

import (
	"testing"

	"github.com/canonhub/canonhub/adapters/adaptertest"
)

func TestAGoodAdapterPasses(t *testing.T) { adaptertest.Run(t, toySuite("")) }
