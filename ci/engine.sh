#!/usr/bin/env bash
# engine.sh makes a real inference engine to benchmark: Ollama, built from
# source for the CPU, with a small random-weight model of ours named "tiny".
# Everything lies in .cache/ of the repository; what is there and up to date is
# kept, so that the second run takes a second and needs no network.
#
#   ci/engine.sh
#
# See ci/engine.md for what it makes and how to start it by hand.
set -euo pipefail

readonly module=github.com/ollama/ollama
readonly version=v0.6.5
readonly model=tiny

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly root=$PWD
readonly ollama=$root/.cache/bin/ollama
readonly dir=$root/.cache/engine

server=            # pid of `ollama serve` while it runs
port=

say() { printf 'engine: %s\n' "$*"; }
die() {
	printf 'engine: %s\n' "$*" >&2
	exit 1
}

# shellcheck disable=SC2329 # called by the trap
stop_server() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
		server=
	fi
}
trap stop_server EXIT
# An EXIT trap alone is not run by every bash on a signal.
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# cgo_flags prints the C flags for this machine. Without AVX2 and its fellows
# the engine is several times slower; with them, on a CPU that lacks them, it
# dies of an illegal instruction.
cgo_flags() {
	local want flags
	flags=$(grep -m1 '^flags' /proc/cpuinfo 2>/dev/null || true)
	for want in avx avx2 bmi1 bmi2 f16c fma abm movbe; do
		case " $flags " in
		*" $want "*) ;;
		*)
			echo "-O3"
			return
			;;
		esac
	done
	echo "-O3 -march=x86-64-v3"
}

# built tells whether the binary is there, of the wanted version, and made with
# the flags of this machine (a cache may have come from another). Go records
# all that in the binary.
built() {
	local info
	[ -x "$ollama" ] || return 1
	info=$(go version -m "$ollama" 2>/dev/null) || return 1
	grep -q "^[[:space:]]mod[[:space:]]$module[[:space:]]$version[[:space:]]" <<<"$info" &&
		grep -qxF "	build	CGO_CFLAGS=\"$1\"" <<<"$info" &&
		grep -qF "version.Version=${version#v}" <<<"$info"
}

need_compilers() {
	local cc cxx missing=
	cc=$(go env CC)
	cxx=$(go env CXX)
	command -v "${cc%% *}" >/dev/null || missing="a C compiler (${cc%% *})"
	command -v "${cxx%% *}" >/dev/null || missing="${missing:+$missing and }a C++ compiler (${cxx%% *})"
	[ -z "$missing" ] || die "building Ollama needs $missing; on Debian and Ubuntu: apt-get install gcc g++"
}

build() {
	local flags log=$root/.cache/engine/build.log
	flags=$(cgo_flags)
	if built "$flags"; then
		say "Ollama $version is built"
		return
	fi
	need_compilers
	say "building Ollama $version with $flags (2 to 5 minutes on 2 cores)"
	# The version is set by hand: a build from the module proxy calls itself 0.0.0.
	if ! CGO_ENABLED=1 CGO_CFLAGS="$flags" CGO_CXXFLAGS="$flags" GOBIN=$root/.cache/bin GOFLAGS='' \
		go install -ldflags "-X=$module/version.Version=${version#v}" "$module@$version" >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		die "building Ollama failed; the whole log is in $log"
	fi
	built "$flags" || die "the new $ollama does not say that it is $version built with $flags: go version -m $ollama"
	say "built .cache/bin/ollama"
}

# in_engine becomes Ollama, so that it touches nothing outside .cache. It is to
# be called in a subshell: the exec makes the subshell's pid that of Ollama, and
# a kill reaches it.
in_engine() {
	exec env HOME="$dir/home" OLLAMA_MODELS="$dir/models" OLLAMA_HOST="127.0.0.1:$port" \
		OLLAMA_NOPRUNE=1 "$ollama" "$@"
}

# start_server starts `ollama serve` on a free port and waits until it answers.
start_server() {
	local attempt tick log=$dir/create.log
	for attempt in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 12000))
		# A port on which somebody answers is not ours.
		if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then continue; fi
		(in_engine serve) >"$log" 2>&1 &
		server=$!
		for ((tick = 0; tick < 150; tick++)); do
			kill -0 "$server" 2>/dev/null || break # it could not bind, or died
			if grep -q 'Listening on' "$log" && (in_engine list) >/dev/null 2>&1; then return; fi
			sleep 0.2
		done
		stop_server
		say "no server on port $port (attempt $attempt)"
	done
	tail -n 20 "$log" >&2
	die "ollama serve did not start; its log is in $log"
}

# The template adds nothing to a prompt: N words are N tokens and the begin
# token. A system message comes before it, where there is one. One thread,
# because two collapse when something else runs on the machine.
modelfile() {
	cat <<-END
		FROM $dir/$model.gguf
		PARAMETER num_ctx 20000
		PARAMETER num_thread 1
		PARAMETER repeat_penalty 1.0
		TEMPLATE """{{ if .System }}{{ .System }} {{ end }}{{ .Prompt }}"""
	END
}

create() {
	local summary stamp manifest=$dir/models/manifests/registry.ollama.ai/library/$model/latest
	# Always made anew: it takes half a second and is the same to the byte
	# unless the generator has changed.
	summary=$(go run ./fixtures/cmd/mkgguf -name "$model" -o "$dir/$model.gguf" \
		-dim 256 -layers 1 -heads 8 -kv 4 -type f16 -seed 1)
	say "$summary"
	stamp=$(printf '%s\n' "$version" "$summary" "$(modelfile)")
	if [ -f "$manifest" ] && [ "$(cat "$dir/$model.stamp" 2>/dev/null)" = "$stamp" ]; then
		say "model $model is there"
		return
	fi
	# All of it anew: Ollama, told not to prune, would keep the old weights too.
	rm -rf "$dir/$model.stamp" "$dir/models"
	mkdir "$dir/models"
	modelfile >"$dir/Modelfile"
	start_server
	if ! (in_engine create "$model" -f "$dir/Modelfile") >"$dir/client.log" 2>&1; then
		tail -n 20 "$dir/client.log" >&2
		die "ollama create failed; see $dir/client.log and $dir/create.log"
	fi
	stop_server
	[ -f "$manifest" ] || die "ollama create left no $manifest"
	printf '%s\n' "$stamp" >"$dir/$model.stamp"
	say "created model $model"
}

command -v go >/dev/null || die "go is not on the path: install Go (see go.mod for the version)"
mkdir -p "$dir/home" "$dir/models" "$root/.cache/bin"
build
create
say "ready: .cache/bin/ollama serve, model $model in .cache/engine/models"
