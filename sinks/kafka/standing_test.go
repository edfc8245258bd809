package kafka

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline"
)

// takeOverMax is how long it may take until a standby is active.
const takeOverMax = 10 * time.Second

// standBy opens a second instance and returns when it stands by; active is
// closed when it is active.
func standBy(t *testing.T, r *rig) (active chan struct{}) {
	t.Helper()
	waits := make(chan struct{})
	active = make(chan struct{})
	go func() {
		defer close(active)
		if err := r.ledger.Open(t.Context(), func() { close(waits) }); err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-waits:
	case <-active:
		t.Fatal("two instances are active")
	case <-deadline(t).Done():
		t.Fatal("the second instance does not stand by")
	}
	return active
}

func within(t *testing.T, c <-chan struct{}, what string) time.Duration {
	t.Helper()
	from := time.Now()
	select {
	case <-c:
	case <-time.After(takeOverMax):
		t.Fatalf("%s takes more than %v", what, takeOverMax)
	}
	return time.Since(from)
}

// TestHandOver: whoever closes hands over at once, whoever comes takes nothing.
func TestHandOver(t *testing.T) {
	onBoth(t, func(t *testing.T, brokers []string) {
		first := newRig(t, brokers, name(t))
		first.start()
		second := newRig(t, brokers, first.cfg.Name)
		active := standBy(t, second)
		first.write("a")
		first.commit()
		first.write("left")
		first.close()
		select {
		case <-first.ledger.Lost():
			t.Error("one that leaves by itself takes it for a loss")
		default:
		}
		if d := within(t, active, "the hand-over"); d > sessionMax/2 {
			t.Errorf("the hand-over took %v", d)
		}
		second.start()
		second.write("left")
		second.commit()
		second.want([]string{"a", "left"}, []string{"1=entry 1", "2=entry 2"})
	})
}

// TestEvicted: an instance that the group has put out stops, and what it has
// begun is gone.
func TestEvicted(t *testing.T) {
	onBoth(t, func(t *testing.T, brokers []string) {
		first := newRig(t, brokers, name(t))
		first.start()
		first.write("a")
		first.commit()
		second := newRig(t, brokers, first.cfg.Name)
		active := standBy(t, second)
		first.write("zombie")
		number := first.cut()

		member, _ := first.ledger.standing.client.GroupMetadata()
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Group, leave.MemberID = first.ledger.standing.group, member
		m := kmsg.NewLeaveGroupRequestMember()
		m.MemberID = member
		leave.Members = append(leave.Members, m)
		if _, err := leave.RequestWith(deadline(t), second.ledger.client); err != nil {
			t.Fatal(err)
		}
		within(t, active, "the take-over")
		second.start()
		second.write("b")
		second.commit()
		if err := first.insist(number); !errors.Is(err, pipeline.ErrFenced) {
			t.Errorf("the commit of the one that was put out gives %v", err)
		}
		within(t, first.ledger.Lost(), "to notice")
		second.want([]string{"a", "b"}, []string{"1=entry 1", "2=entry 2"})
	})
}

// instanceEnv tells TestInstance to be an instance of a pipeline: its value is
// brokers and name.
const instanceEnv = "TOUCHSTREAM_KAFKA_INSTANCE"

// TestInstance is no test but what startChild runs. It says on stdout what it
// does, a word and a number a line, and ends when stdin does.
func TestInstance(t *testing.T) {
	value := os.Getenv(instanceEnv)
	if value == "" {
		t.Skip("runs in a process of its own")
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // However it ends, so does the process.
		os.Exit(1)
	}()
	list, name, _ := strings.Cut(value, " ")
	brokers := strings.Split(list, ",")
	r := newRig(t, brokers, name)
	if err := r.ledger.Open(t.Context(), func() { fmt.Println("standby 0") }); err != nil {
		t.Fatal(err)
	}
	fmt.Println("active 0")
	r.start()
	for {
		r.write(fmt.Sprint(r.next, ".1"), fmt.Sprint(r.next, ".2"))
		number := r.cut()
		fmt.Println("cut", number)
		err := r.insist(number)
		if errors.Is(err, pipeline.ErrFenced) {
			fmt.Println("fenced", number)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("committed", number)
		time.Sleep(20 * time.Millisecond)
	}
}

// child is an instance in a process of its own.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string
}

func startChild(t *testing.T, brokers []string, name string) *child {
	t.Helper()
	c := &child{t, exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestInstance$"), make(chan string, 10000)}
	c.cmd.Env = append(os.Environ(), instanceEnv+"="+strings.Join(brokers, ",")+" "+name)
	c.cmd.Stderr = os.Stderr
	if _, err := c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			c.lines <- s.Text()
		}
		close(c.lines)
	}()
	t.Cleanup(func() {
		c.signal(syscall.SIGKILL)
		_ = c.cmd.Wait() // It was killed.
	})
	return c
}

func (c *child) signal(s syscall.Signal) { _ = c.cmd.Process.Signal(s) } // It may have ended.

// await waits for a line that begins with a word, and returns the number in it.
func (c *child) await(word string, most time.Duration) (number int64) {
	c.t.Helper()
	for timeout := time.After(most); ; {
		select {
		case line, ok := <-c.lines:
			if !ok {
				c.t.Fatalf("the process ended before it said %q", word)
			}
			if n, _ := fmt.Sscanf(line, word+" %d", &number); n == 1 {
				return number
			}
		case <-timeout:
			c.t.Fatalf("not %q within %v", word, most)
		}
	}
}

// checkOnce reads what was committed: every commit once, in order, with both of
// its messages.
func checkOnce(t *testing.T, brokers []string, name string, least int64) {
	t.Helper()
	var numbers []int64
	for _, m := range committed(t, brokers, name+".journal") {
		var n int64
		if _, err := fmt.Sscan(m.key, &n); err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	var wantNumbers []int64
	var want []string
	for n := int64(1); n <= int64(len(numbers)); n++ {
		wantNumbers = append(wantNumbers, n)
		want = append(want, fmt.Sprint(n, ".1"), fmt.Sprint(n, ".2"))
	}
	if int64(len(numbers)) < least || !slices.Equal(numbers, wantNumbers) {
		t.Errorf("the journal has %v, want 1 to at least %d", numbers, least)
	}
	if got := ids(committed(t, brokers, name+".triggers")); !slices.Equal(got, want) {
		t.Errorf("triggers %v, want %v", got, want)
	}
}

func TestRealTakeOver(t *testing.T) {
	brokers := devtest.Kafka(t)
	for how, s := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGSTOP} {
		t.Run(how, func(t *testing.T) {
			name := name(t)
			first := startChild(t, brokers, name)
			first.await("active", testMax)
			second := startChild(t, brokers, name)
			second.await("standby", testMax)
			first.await("committed", testMax)
			first.await("cut", testMax)
			first.signal(s)
			from := time.Now()
			second.await("active", takeOverMax)
			t.Logf("taken over after %v", time.Since(from))
			last := second.await("committed", testMax)
			if s == syscall.SIGSTOP {
				first.signal(syscall.SIGCONT)
				first.await("fenced", testMax)
			}
			for range 5 {
				last = second.await("committed", testMax)
			}
			second.signal(syscall.SIGKILL)
			third := newRig(t, brokers, name)
			third.start() // Ends what the second one had begun.
			checkOnce(t, brokers, name, last)
		})
	}
}
