package main

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// machine describes where a run took place. What the system does not tell is
// empty or 0.
type machine struct {
	CPU      string   `json:"cpu"`
	Cores    int      `json:"cores"`
	Caches   []string `json:"caches"`
	MemoryMB int64    `json:"memory_mb"`
	Kernel   string   `json:"kernel"`
	Go       string   `json:"go"`
	Arch     string   `json:"arch"`
	GOAMD64  string   `json:"goamd64,omitempty"`
	Commit   string   `json:"commit"`
	// Dirty: there were changes that are not committed.
	Dirty      bool   `json:"dirty,omitempty"`
	LoadBefore string `json:"load_before"`
	LoadAfter  string `json:"load_after"`
}

func describe() machine {
	status := output("git", "status", "--porcelain", "--untracked-files=no")
	return machine{
		CPU:        processor(),
		Cores:      runtime.NumCPU(),
		Caches:     caches(),
		MemoryMB:   memoryMB(),
		Kernel:     strings.TrimSpace(runtime.GOOS + " " + read("/proc/sys/kernel/osrelease")),
		Go:         output("go", "env", "GOVERSION"),
		Arch:       runtime.GOARCH,
		GOAMD64:    output("go", "env", "GOAMD64"),
		Commit:     output("git", "rev-parse", "HEAD"),
		Dirty:      status != "",
		LoadBefore: load(),
	}
}

// String is the description on a few lines.
func (m *machine) String() string {
	dirty := ""
	if m.Dirty {
		dirty = ", with changes"
	}
	return fmt.Sprintf("%s, %d cores, caches %s, %d MB, %s\n%s %s %s, commit %s%s, load average %s before and %s after",
		cmp.Or(m.CPU, "unknown CPU"), m.Cores, strings.Join(m.Caches, " "), m.MemoryMB, m.Kernel,
		m.Go, m.Arch, m.GOAMD64, m.Commit, dirty, m.LoadBefore, m.LoadAfter)
}

// load are the load averages over 1, 5 and 15 minutes.
func load() string {
	parts := strings.Fields(read("/proc/loadavg"))
	return strings.Join(parts[:min(3, len(parts))], " ")
}

func memoryMB() int64 {
	number, _, _ := strings.Cut(field("/proc/meminfo", "MemTotal"), " ")
	kb, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0
	}
	return kb >> 10
}

// caches are those of the first core, as "L1 Data 32K".
func caches() []string {
	dirs, err := filepath.Glob("/sys/devices/system/cpu/cpu0/cache/index*")
	if err != nil {
		return nil
	}
	var list []string
	for _, dir := range dirs {
		list = append(list, fmt.Sprintf("L%s %s %s", read(dir+"/level"), read(dir+"/type"), read(dir+"/size")))
	}
	return list
}

// processor names the kind of processor. Virtual machines often leave the model
// out of the name.
func processor() string {
	name, family, model := field("/proc/cpuinfo", "model name"), field("/proc/cpuinfo", "cpu family"), field("/proc/cpuinfo", "model")
	if name == "" || family == "" {
		return name
	}
	return fmt.Sprintf("%s, family %s model %s", name, family, model)
}

// field is the value of the first line "name: value" of a file.
func field(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// output is what a command prints, empty if it does not run.
func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
