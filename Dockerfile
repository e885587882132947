# CPU:   docker build -t latentman .
# CUDA:  docker build -t latentman:cuda --build-arg BASE=nvidia/cuda:12.6.3-runtime-ubuntu24.04 \
#          --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126 .
# Run:   docker run --rm -v "$PWD/out:/work/out" latentman demo
#        docker run --rm --gpus all -v "$PWD/out:/work/out" -v /data/weights:/weights latentman:cuda run setup=sd15
ARG BASE=ubuntu:24.04
FROM ${BASE}
ARG TORCH=torch==2.13.0
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 python3-venv g++ \
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/latentman \
 && /opt/latentman/bin/pip install --no-cache-dir --index-url "${TORCH_INDEX}" "${TORCH}"
COPY pyproject.toml hatch_build.py README.md LICENSE /src/
COPY conf /src/conf
COPY latentman /src/latentman
RUN /opt/latentman/bin/pip install --no-cache-dir /src && rm -rf /src
RUN useradd --create-home user && mkdir -p /work/out /weights && chown -R user /work /weights
USER user
ENV PATH=/opt/latentman/bin:$PATH LATENTMAN_WEIGHTS=/weights
WORKDIR /work
ENTRYPOINT ["latentman"]
CMD ["--help"]
