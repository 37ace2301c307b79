#!/bin/sh
# Puts a model folder behind vLLM under the name "policy", in the place of what served before, and waits until it answers.
set -eu
[ ! -f vllm.pid ] || { kill "$(cat vllm.pid)" 2>/dev/null || true; sleep 10; }
nohup vllm serve "${POP_CHECKPOINT:-./Qwen2.5-7B-Instruct}" --served-model-name policy --generation-config vllm --port 8000 > vllm.log 2>&1 &
echo $! > vllm.pid
for _ in $(seq 600); do
  ! curl -sf http://127.0.0.1:8000/health > /dev/null || exit 0
  sleep 1
done
exit 1
