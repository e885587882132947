"""From run folders to tables, plots and pages; reads what runs wrote and imports neither torch nor the pipeline."""
