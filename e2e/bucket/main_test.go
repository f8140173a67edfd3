package bucket

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// world is what the tests share: the server and the program under test.
var world struct {
	*front
	binary string
}

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	if os.Getenv(uploaderVariable) != "" {
		return upload()
	}
	folder, err := os.MkdirTemp("", "omega-export-bucket-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	world.binary = filepath.Join(folder, "omega-export")
	build := exec.Command("go", "build", "-o", world.binary, "./cmd/export")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, text)
		return 1
	}
	if world.front, err = newFront(); err != nil {
		panic(err)
	}
	defer world.server.Close()
	if err := os.Setenv("STORAGE_EMULATOR_HOST", world.server.URL); err != nil {
		panic(err)
	}
	return m.Run()
}
