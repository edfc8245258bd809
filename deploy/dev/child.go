package dev

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/ebitengine/purego"
)

// The variables of a child that is to become the engine: the path of the
// engine's library, and the ports for clients.
const (
	childVariable      = "TOUCHSTREAM_DEV_ENGINE"
	childPortsVariable = "TOUCHSTREAM_DEV_PORTS"
)

// childMainCalled guards against a binary that starts itself and whose child
// then does what its parent did.
var childMainCalled atomic.Bool

var errNoChildMain = errors.New("dev: ChildMain must be called first in main or TestMain (devtest.Main does)")

// ChildMain turns this process into the ClickHouse engine if it was started
// for that; it then never returns. Otherwise it returns at once. A program
// that calls StartClickHouse or Up must call it first in main, and a test
// binary first in TestMain.
func ChildMain() {
	childMainCalled.Store(true)
	library, ok := os.LookupEnv(childVariable)
	if !ok {
		return
	}
	ports := os.Getenv(childPortsVariable)
	os.Unsetenv(childVariable)
	os.Unsetenv(childPortsVariable)
	if err := serveEngine(library, ports, os.Args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serveEngine runs the engine on ports of its own behind relays on the ports
// for clients, "NATIVE,HTTP".
func serveEngine(library, ports string, args []string) error {
	native, http := &relay{}, &relay{}
	if _, err := fmt.Sscanf(ports, "%d,%d", &native.public, &http.public); err != nil {
		return fmt.Errorf("engine: %s=%q: %w", childPortsVariable, ports, err)
	}
	own, err := freePorts(portsNeeded)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	native.engine, http.engine = own[0], own[1]
	native.greet = greeter{engineHTTP: http.engine}.greet
	for _, r := range []*relay{native, http} {
		go func() {
			fmt.Fprintln(os.Stderr, r.serve())
			os.Exit(1)
		}()
	}
	return runEngine(library, append(args, fmt.Sprintf("--tcp_port=%d", native.engine), fmt.Sprintf("--http_port=%d", http.engine)))
}

// runEngine gives args to the engine's command line and returns when that has
// ended. It takes over the process, signal handlers included.
func runEngine(path string, args []string) error {
	runtime.LockOSThread()
	library, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	var run func(argc int32, argv unsafe.Pointer) unsafe.Pointer
	var resultError func(result unsafe.Pointer) string
	for name, fn := range map[string]any{"chdb_query_cmdline": &run, "chdb_result_error": &resultError} {
		symbol, err := purego.Dlsym(library, name)
		if err != nil {
			return fmt.Errorf("engine: %s: %w", path, err)
		}
		purego.RegisterFunc(fn, symbol)
	}
	argv := make([]*byte, len(args)+1) // C's list ends with a null pointer.
	var pin runtime.Pinner
	defer pin.Unpin()
	for i, arg := range args {
		text := append([]byte(arg), 0)
		argv[i] = &text[0]
		pin.Pin(argv[i])
	}
	pin.Pin(&argv[0])
	result := run(int32(len(args)), unsafe.Pointer(&argv[0]))
	if result == nil {
		return fmt.Errorf("engine: %s: ended without a result", path)
	}
	if text := resultError(result); text != "" {
		return fmt.Errorf("engine: %s", text)
	}
	return nil
}
