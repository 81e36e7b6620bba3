"""What knows nothing of networks: processes, seeds, versions, archives, shapes of images.

All other rooms may import from here; it imports scikit-learn and NumPy alone.
"""
