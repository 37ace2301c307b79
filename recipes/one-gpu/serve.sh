#!/bin/sh
# Starts vLLM with the first weights under the name "policy", ready to take adapters, and waits until it answers.
set -eu
if [ -f vllm.pid ] && kill "$(cat vllm.pid)" 2>/dev/null; then
  while kill -0 "$(cat vllm.pid)" 2>/dev/null; do sleep 1; done
fi
VLLM_ALLOW_RUNTIME_LORA_UPDATING=True nohup vllm serve ./Qwen2.5-7B-Instruct --served-model-name policy --enable-lora --max-lora-rank 32 \
  --generation-config vllm --port 8000 > vllm.log 2>&1 &
echo $! > vllm.pid
for _ in $(seq 600); do
  kill -0 "$(cat vllm.pid)" 2>/dev/null || { tail -n 5 vllm.log >&2; exit 1; }
  ! curl -sf http://127.0.0.1:8000/health > /dev/null || exit 0
  sleep 1
done
exit 1
