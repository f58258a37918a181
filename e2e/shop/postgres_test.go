package shop

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ouroboros-forge/forge/e2e/generated"
)

// postgres is a PostgreSQL server of this machine's packages, on loopback.
type postgres struct {
	t    *testing.T
	bin  string // directory of its programs
	data string
	port string
	as   *syscall.Credential // root must not run it
}

// newPostgres makes a server and starts it; it ends with the test.
func newPostgres(t *testing.T) *postgres {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		generated.Missing(t, "PostgreSQL is not installed: /usr/lib/postgresql/*/bin has no postgres")
	}
	slices.Sort(found)
	dir, err := os.MkdirTemp("", "forge-shop-") //nolint:usetesting // t.TempDir lies where only this user may look
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &postgres{t: t, bin: filepath.Dir(found[len(found)-1]), data: filepath.Join(dir, "data"), port: freePort(t)}
	if os.Getuid() == 0 {
		p.as = other(t)
		if err := os.Chown(dir, int(p.as.Uid), int(p.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	p.do("initdb", "-D", p.data, "-U", "shop", "-A", "trust", "-E", "UTF8", "--no-sync")
	p.start()
	t.Cleanup(func() { _ = p.command("pg_ctl", "-D", p.data, "-m", "immediate", "stop").Run() })
	p.do("createdb", "-h", "127.0.0.1", "-p", p.port, "-U", "shop", "shop")
	return p
}

func (p *postgres) start() {
	p.t.Helper()
	p.do("pg_ctl", "-D", p.data, "-l", p.data+".log", "-w", "-o", fmt.Sprintf("-p %s -c listen_addresses=127.0.0.1 -c unix_socket_directories=''", p.port), "start")
}

// stop ends the server as an administrator does: connections are cut.
func (p *postgres) stop() {
	p.t.Helper()
	p.do("pg_ctl", "-D", p.data, "-m", "fast", "-w", "stop")
}

func (p *postgres) url() string {
	return "postgres://shop:hidden@127.0.0.1:" + p.port + "/shop?sslmode=disable"
}

// query returns the rows of the first column.
func (p *postgres) query(sql string) []string {
	p.t.Helper()
	return strings.Fields(p.do("psql", "-At", "-h", "127.0.0.1", "-p", p.port, "-U", "shop", "-c", sql, "shop"))
}

func (p *postgres) count(table string) int {
	p.t.Helper()
	n, err := strconv.Atoi(strings.Join(p.query("SELECT count(*) FROM "+table), ""))
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

func (p *postgres) do(program string, args ...string) string {
	p.t.Helper()
	cmd := p.command(program, args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		p.t.Fatalf("%s: %v\n%s%s", program, err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

func (p *postgres) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, program), args...)
	cmd.Dir, cmd.Env = "/", append(os.Environ(), "LC_ALL=C.UTF-8")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	return cmd
}

// other returns a user who is not root.
func other(t *testing.T) *syscall.Credential {
	t.Helper()
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32)
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	generated.Missing(t, "PostgreSQL does not run as root, and there is no user postgres or nobody")
	return nil
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
