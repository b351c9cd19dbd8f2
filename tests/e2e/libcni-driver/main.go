// libcni-driver runs a sequence of CNI operations on one attachment through
// libcni, the way a container runtime does, and prints what came of each as a
// JSON list. It ends with 1 when any operation failed, with 2 when it was
// called wrongly; a failed operation does not stop the sequence.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
)

// The longest that a kubelet would wait for an operation is 4 minutes; a test
// wants to know much sooner.
const operationTimeout = 30 * time.Second

type outcome struct {
	Operation string       `json:"operation"`
	Result    types.Result `json:"result,omitempty"`
	Error     *types.Error `json:"error,omitempty"`
}

type attachment struct {
	cni     libcni.CNI
	network *libcni.NetworkConfigList
	runtime *libcni.RuntimeConf
}

func main() {
	target, operations, err := fromFlags()
	if err != nil {
		fmt.Fprintln(os.Stderr, "libcni-driver:", err)
		os.Exit(2)
	}
	outcomes, ok := target.runAll(operations)
	if err := json.NewEncoder(os.Stdout).Encode(outcomes); err != nil {
		fmt.Fprintln(os.Stderr, "libcni-driver:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func fromFlags() (*attachment, []string, error) {
	conflist := flag.String("conflist", "", "path of the network's configuration list")
	pluginDirs := flag.String("plugin-dirs", "/opt/cni/bin", "plugin directories, separated by colons")
	cacheDir := flag.String("cache-dir", "/var/lib/cni", "where libcni keeps results")
	netns := flag.String("netns", "", "path of the container's namespace; may be empty for del")
	containerID := flag.String("container-id", "", "container id")
	ifname := flag.String("ifname", "eth0", "name of the interface in the container")
	capabilities := flag.String("capability-args", "{}", "JSON object of capability arguments")
	cniArgs := flag.String("cni-args", "", "CNI_ARGS, as KEY=VALUE;KEY=VALUE")
	operations := flag.String("operations", "add,check,del", "add, check, del, validate, separated by commas")
	flag.Parse()

	network, err := libcni.ConfListFromFile(*conflist)
	if err != nil {
		return nil, nil, err
	}
	runtime := &libcni.RuntimeConf{ContainerID: *containerID, NetNS: *netns, IfName: *ifname}
	if err := json.Unmarshal([]byte(*capabilities), &runtime.CapabilityArgs); err != nil {
		return nil, nil, fmt.Errorf("-capability-args: %w", err)
	}
	if runtime.Args, err = parseArgs(*cniArgs); err != nil {
		return nil, nil, err
	}
	cni := libcni.NewCNIConfigWithCacheDir(filepath.SplitList(*pluginDirs), *cacheDir, nil)
	target := &attachment{cni: cni, network: network, runtime: runtime}
	return target, strings.Split(*operations, ","), nil
}

func parseArgs(text string) ([][2]string, error) {
	var pairs [][2]string
	for _, item := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' }) {
		key, value, found := strings.Cut(item, "=")
		if !found {
			return nil, fmt.Errorf("-cni-args: no '=' in %q", item)
		}
		pairs = append(pairs, [2]string{key, value})
	}
	return pairs, nil
}

func (a *attachment) runAll(operations []string) (outcomes []outcome, ok bool) {
	ok = true
	for _, operation := range operations {
		result, err := a.run(operation)
		outcomes = append(outcomes, outcome{operation, result, cniError(err)})
		ok = ok && err == nil
	}
	return outcomes, ok
}

func (a *attachment) run(operation string) (types.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
	defer cancel()
	switch operation {
	case "add":
		return a.cni.AddNetworkList(ctx, a.network, a.runtime)
	case "check":
		return nil, a.cni.CheckNetworkList(ctx, a.network, a.runtime)
	case "del":
		return nil, a.cni.DelNetworkList(ctx, a.network, a.runtime)
	case "validate":
		_, err := a.cni.ValidateNetworkList(ctx, a.network)
		return nil, err
	}
	return nil, fmt.Errorf("no operation is called %q", operation)
}

// cniError keeps the plugin's own error object, which libcni may have wrapped,
// and makes one of any other error.
func cniError(err error) *types.Error {
	if err == nil {
		return nil
	}
	var fromPlugin *types.Error
	if errors.As(err, &fromPlugin) {
		return fromPlugin
	}
	return &types.Error{Code: types.ErrInternal, Msg: err.Error()}
}
