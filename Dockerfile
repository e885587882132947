# CPU:   docker build -t latentman .
# CUDA:  docker build -t latentman:cuda --build-arg BASE=nvidia/cuda:12.6.3-runtime-ubuntu24.04 .
# PIP_ARGS holds further arguments for installing torch, such as the --index-url of a build without CUDA.
# Run:   docker run --rm -v "$PWD/out:/videos/out" latentman demo
#        docker run --rm --gpus all -v "$PWD/out:/videos/out" -v "$PWD/weights:/weights" latentman:cuda run setup=sd15
ARG BASE=ubuntu:24.04
FROM ${BASE}
ARG TORCH=torch==2.13.0
ARG PIP_ARGS=
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 python3-venv g++ \
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/latentman \
 && /opt/latentman/bin/pip install --no-cache-dir ${PIP_ARGS} "${TORCH}"
COPY pyproject.toml hatch_build.py README.md LICENSE /src/
COPY conf /src/conf
COPY latentman /src/latentman
RUN /opt/latentman/bin/pip install --no-cache-dir /src && rm -rf /src
RUN useradd --create-home user && mkdir -p /videos/out /weights && chown -R user /videos /weights
USER user
ENV PATH=/opt/latentman/bin:$PATH LATENTMAN_WEIGHTS=/weights
WORKDIR /videos
ENTRYPOINT ["latentman"]
CMD ["--help"]
